# The point at which a started engine is taken, on x86-64, and from which every snapshot goes on (README.md).
#
# int point(struct { void *stack, *thread, *resume; } *) is called by JavaScript. It leaves in the structure what is needed to
# return from it, and stops its process for its memory to be read. In a process that the entry has given that memory
# (restore_x86_64.s) it returns 1 to the same caller.
# The bytes in point.ts are this file's; point_test.ts assembles it again and compares.

        .intel_syntax noprefix
        .text
point:  push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [rdi], rsp
        mov     rax, fs:[0x10]                  # the thread's control block says where it is
        mov     [rdi+8], rax
        lea     rax, [rip+resume]
        mov     [rdi+16], rax
        mov     eax, 39                         # kill(getpid(), SIGSTOP)
        syscall
        mov     edi, eax
        mov     esi, 19
        mov     eax, 62
        syscall
        mov     eax, 231                        # exit_group(1): nobody goes on here
        mov     edi, 1
        syscall
resume: mov     rbx, rdi
        mov     eax, 158                        # arch_prctl(ARCH_SET_FS, thread)
        mov     edi, 0x1002
        mov     rsi, [rbx+8]
        syscall
        mov     rsp, [rbx]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        mov     eax, 1
        ret
