# The entry of tsrun on x86-64: what runs before the engine, so that nothing of the caller's steers that.
#
# It looks at the caller's limits, tries whether there may be one more thread, leaves a directory that was removed, puts
# `tsrun:` before the name of every variable, and goes on to the engine: by execve(2) where that is another file, by its
# entry point where it is this very program.
#
# Behind the code lies a table of words; addresses in it count from its beginning:
#    0  path of the engine, 0 where it is this program        8  its entry point then
#   16  how many arguments it is given first, 24  where they are (a word with an address for each)
#   32  how many variables,                   40  where they are
#   48  how many limits,                      56  where they are (resource and, in the upper half, 0 for
#                                                 the soft limit or 8 for the hard one; least value; message; its length)
#   64  message of a failure,                 72  its length
#   80  message where no thread may be made,  88  its length
#
# rbp: the kernel's arguments; rbx: the table; r12: the caller's environment; r15: rdx of the entry point.
# The bytes in entry.ts are this file's; entry_test.ts assembles it again and compares.

        .intel_syntax noprefix
        .text
        .globl  _start
_start: mov     rbp, rsp
        mov     r15, rdx
        lea     rbx, [rip+table]
        sub     rsp, 4096
        mov     r12, [rbx+48]
        mov     r13, [rbx+56]
        add     r13, rbx
limit:  sub     r12, 1                          # prlimit64(0, resource, NULL, stack)
        js      thread
        mov     eax, 302
        xor     edi, edi
        mov     esi, [r13]
        xor     edx, edx
        mov     r10, rsp
        syscall
        mov     ecx, [r13+4]
        mov     rax, [rsp+rcx]
        cmp     rax, [r13+8]
        lea     rdx, [r13+16]
        jb      say
        add     r13, 32
        jmp     limit
fail:   lea     rdx, [rbx+64]
say:    mov     rsi, [rdx]                      # write(2, message, length); exit_group(1)
        add     rsi, rbx
        mov     rdx, [rdx+8]
        mov     eax, 1
        mov     edi, 2
        syscall
        mov     eax, 231
        mov     edi, 1
        syscall
thread: mov     eax, 56                         # clone(CLONE_VM|CLONE_VFORK|SIGCHLD, 0): may there be one more?
        mov     edi, 0x4111
        xor     esi, esi
        syscall
        test    rax, rax
        jz      leave
        lea     rdx, [rbx+80]
        cmp     rax, -11                        # EAGAIN
        je      say
        mov     rdi, rax                        # wait4(child, NULL, 0, NULL)
        mov     eax, 61
        xor     esi, esi
        xor     edx, edx
        xor     r10d, r10d
        syscall
        jmp     where
leave:  mov     eax, 60
        xor     edi, edi
        syscall
where:  mov     eax, 79                         # getcwd(stack, 4096)
        mov     rdi, rsp
        mov     esi, 4096
        syscall
        cmp     rax, -2                         # ENOENT: the directory was removed
        je      1f
        test    rax, rax
        js      count
        cmp     byte ptr [rsp], '/'             # "(unreachable)" otherwise
        je      count
1:      mov     word ptr [rsp], '/'             # chdir("/")
        mov     eax, 80
        mov     rdi, rsp
        syscall
count:  mov     rax, [rbp]
        lea     r12, [rbp+rax*8+16]
        xor     r13d, r13d                      # bytes of the new variables
        xor     r9d, r9d                        # 1: some are plain; 2: ld.so has read some
        mov     r14, r12
1:      mov     rsi, [r14]
        add     r14, 8
        test    rsi, rsi
        jz      execfn
        mov     rdi, rsi
        mov     rcx, -1
        xor     eax, eax
        repne scasb
        sub     rdi, rsi
        lea     r13, [r13+rdi+6]
        mov     eax, [rsi]
        cmp     eax, 0x75727374                 # "tsru"
        jne     2f
        cmp     word ptr [rsi+4], 0x3a6e        # "n:"
        je      1b
2:      or      r9d, 1
        cmp     eax, 0x42494c47                 # "GLIB": GLIBC_TUNABLES
        je      3f
        cmp     eax, 0x4c4c414d                 # "MALL": MALLOC_*
        je      3f
        and     eax, 0xffffff
        cmp     eax, 0x5f444c                   # "LD_"
        jne     1b
3:      or      r9d, 2
        jmp     1b
execfn: mov     rcx, r14                        # r14: the auxiliary vector; rcx: AT_EXECFN's path
1:      mov     rax, [rcx]
        add     rcx, 16
        test    rax, rax
        jz      fail
        cmp     rax, 31
        jne     1b
        mov     rcx, [rcx-8]
        push    rcx
        mov     rax, [rbx]                      # an engine of its own, or some plain variable?
        test    rax, rax
        jnz     room
        test    r9d, r9d
        jz      inside
room:   mov     rsi, [rbp]                      # mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        add     rsi, [rbx+16]
        add     rsi, [rbx+32]
        lea     rsi, [r13+rsi*8+32]
        mov     rax, r14
        sub     rax, r12
        add     rsi, rax
        push    r9
        mov     eax, 9
        xor     edi, edi
        mov     edx, 3
        mov     r10d, 0x22
        mov     r8, -1
        xor     r9d, r9d
        syscall
        pop     r9
        cmp     rax, -4096
        ja      fail
        mov     rdi, rax                        # where strings go, then pointers
        lea     r8, [rax+r13+7]
        and     r8, -8
        cmp     qword ptr [rbx], 0
        jne     1f
        mov     r8, r12                         # in the place of the caller's
1:      mov     r13, r8                         # the new environment
        mov     r10, [rbx+32]
        mov     r14, [rbx+40]
        add     r14, rbx
        call    list
        mov     r10, r12
2:      mov     rsi, [r10]
        add     r10, 8
        test    rsi, rsi
        jz      3f
        mov     [r8], rdi
        add     r8, 8
        mov     dword ptr [rdi], 0x75727374     # "tsrun:"
        mov     word ptr [rdi+4], 0x3a6e
        add     rdi, 6
copy:   lodsb
        stosb
        test    al, al
        jnz     copy
        jmp     2b
3:      mov     qword ptr [r8], 0
        cmp     qword ptr [rbx], 0
        jne     other
        test    r9d, 2
        jz      inside
        mov     eax, 59                         # execve(this program again, as it was called)
        mov     rdi, [rsp]
        lea     rsi, [rbp+8]
        mov     rdx, r12
        syscall
inside: mov     rax, [rbx+8]
        add     rax, rbx
        mov     rsp, rbp
        mov     rdx, r15
        jmp     rax
other:  add     r8, 8
        mov     rsi, r8                         # the new arguments
        mov     r10, [rbx+16]
        mov     r14, [rbx+24]
        add     r14, rbx
        call    list
        pop     qword ptr [r8]
        mov     rcx, [rbp]
        lea     r14, [rbp+16]
1:      add     r8, 8
        sub     rcx, 1
        jle     2f
        mov     rax, [r14]
        add     r14, 8
        mov     [r8], rax
        jmp     1b
2:      mov     qword ptr [r8], 0
        mov     eax, 59                         # execve(engine, arguments, environment)
        mov     rdi, [rbx]
        add     rdi, rbx
        mov     rdx, r13
        syscall
        jmp     fail
list:   sub     r10, 1                          # r10 addresses of the table, from r14 to r8
        js      1f
        mov     rax, [r14]
        add     rax, rbx
        mov     [r8], rax
        add     r14, 8
        add     r8, 8
        jmp     list
1:      ret
        .balign 8
table:
