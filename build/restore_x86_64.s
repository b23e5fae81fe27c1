# tsrun's entry on x86-64: an engine that has started already (build/snapshot/README.md).
#
# Beside the engine there may be a file with the memory of an engine that has started and has loaded this very program. Its head
# is mapped, and records of system calls in it are run (prepared_x86_64.s): they see whether it is of this kernel, this processor
# and these libraries, map the memory, make the descriptors, and go on where that engine stood. In any other case, and where the
# records stop, the entry starts the engine. Where that is this very program, it executes itself: memory has changed by then.
#
# The head has words for the build, the first record, and a list of words to which the address of the vDSO is added; the entry
# puts what it knows behind them. The size of the file is there, too.
#
# rbp, rbx: as in entry_x86_64.s; r13: the new environment; r15: 1 when this has been tried.

        .set    HEAD, 0x10000                   # of build/snapshot/head.ts, as SNAPSHOT is

restore:
        mov     r15d, 1
        mov     rsi, [rsp]                      # AT_EXECFN: this very program, which was executed anew by halt
        lea     rdi, [rip+exe]
        mov     ecx, 15
        repe cmpsb
        je      again
        mov     rcx, r13                        # TSRUN_SNAPSHOT=no?
1:      mov     rsi, [rcx]
        add     rcx, 8
        test    rsi, rsi
        jz      2f
        mov     rax, 0x53543a6e75727374         # "tsrun:TS"
        cmp     [rsi], rax
        jne     1b
        mov     rax, 0x50414e535f4e5552         # "RUN_SNAP"
        cmp     [rsi+8], rax
        jne     1b
        mov     rax, 0x006f6e3d544f4853         # "SHOT=no"
        cmp     [rsi+16], rax
        jne     1b
        jmp     again
2:      mov     rsi, [rbx+216]
        add     rsi, rbx
        mov     rax, rsi
        cmp     qword ptr [rbx], 0
        jne     5f
        mov     rdx, rsi                        # behind the first variable, TMPDIR=...
        mov     rsi, [r13]
        add     rsi, 7
        mov     rdi, rsp
3:      lodsb
        stosb
        test    al, al
        jnz     3b
        sub     rdi, 1
        mov     rsi, rdx
4:      lodsb
        stosb
        test    al, al
        jnz     4b
        mov     rax, rsp
5:      mov     rdi, rax                        # open(snapshot, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC)
        mov     eax, 2
        mov     esi, 0xa0800
        syscall
        test    eax, eax
        js      again
        mov     r12d, eax
        cmp     eax, 2                          # a standard stream is closed
        jle     shut
        mov     eax, 8                          # lseek(file, 0, SEEK_END): beyond its end a mapping cannot be read
        mov     edi, r12d
        xor     esi, esi
        mov     edx, 2
        syscall
        mov     r14, rax
        cmp     rax, HEAD
        jl      shut
        mov     eax, 9                          # mmap(SNAPSHOT, HEAD, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED_NOREPLACE, file, 0)
        mov     edi, SNAPSHOT
        mov     esi, HEAD
        mov     edx, 3
        mov     r10d, 0x100002
        mov     r8d, r12d
        xor     r9d, r9d
        syscall
        cmp     rax, SNAPSHOT
        jne     shut
        cmp     [rax+96], r14                   # as long as it was
        mov     r14, rax
        jne     gone
        mov     rcx, [rbx+112]
        cmp     [r14], rcx
        jne     gone
        mov     [r14+40], r12
        mov     [r14+48], r13
        mov     [r14+56], rbp
        lea     rax, [rip+begin]
        mov     [r14+88], rax
        mov     rdi, rbx
        mov     eax, 1                          # what the processor can do, without the number of this one
        xor     ecx, ecx
        cpuid
        mov     [r14+64], eax
        mov     [r14+68], ecx
        mov     [r14+72], edx
        mov     eax, 7
        xor     ecx, ecx
        cpuid
        mov     [r14+76], ebx
        mov     [r14+80], ecx
        mov     [r14+84], edx
        mov     rbx, rdi
        mov     rax, [rbp]
        lea     rsi, [rbp+rax*8+16]
1:      add     rsi, 8                          # past the environment
        cmp     qword ptr [rsi-8], 0
        jne     1b
2:      mov     rax, [rsi]                      # AT_SYSINFO_EHDR
        mov     rdx, [rsi+8]
        add     rsi, 16
        test    rax, rax
        jz      gone
        cmp     rax, 33
        jne     2b
        mov     rcx, [r14+16]
        mov     rsi, [r14+24]
3:      sub     rcx, 1
        js      4f
        add     [rsi], rdx
        add     rsi, 8
        jmp     3b
4:      mov     r14, [r14+8]
        jmp     record
halt:   mov     r14, [SNAPSHOT+32]
        call    closes
        cmp     qword ptr [rbx], 0
        jne     gone
        mov     eax, 59                         # execve(exe, arguments, environment): its own memory is another now
        lea     rdi, [rip+exe]
        lea     rsi, [rbp+8]
        mov     rdx, [rbp]
        lea     rdx, [rsi+rdx*8+8]
        syscall
gone:   mov     r12d, [SNAPSHOT+40]
        mov     edi, SNAPSHOT
        mov     esi, HEAD
        mov     eax, 11
        syscall
shut:   mov     edi, r12d
        mov     eax, 3
        syscall
again:  lea     rsp, [rbp-4096]
        mov     r15d, 1
        jmp     start
