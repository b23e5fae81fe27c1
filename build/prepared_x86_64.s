# What tsrun's entry does before anything else, on x86-64: the commands that `create` has prepared.
#
# For `start ID` and its like, with the global flags that clients send, there may be a file `prepared` in the container's
# directory: facts that `create` has left (ffi/prepared.ts has the layout). It is mapped, and the program that stands in the
# table is run with it: records of system calls, as the executor's (init/executor_x86_64.s), which TypeScript wrote when tsrun
# was built. In any other case, and where the records stop, the entry goes on to the engine, which does all there is to do.
#
# A file is believed where it is the effective user's and nobody else can read or write it, in a directory of that user's that
# nobody else can write to, below a root that root or that user owns and that not everybody can write to, and where it was
# written by this build. All else is asked by the records themselves.
#
# Two more numbers are no system calls: -3 compares memory, and fails where it differs; -4 copies it. The third argument
# says how many bytes. -5 goes on at its second argument, with its first in rdi.
#
# rbp, rbx: as in entry_x86_64.s; r13: 2048 bytes for struct stat, and then the slots: words from the command line.

        .set    DATA, 0x10000000                # of ffi/prepared.ts
        .set    PROGRAM, 0x10100000
        .set    SNAPSHOT, 0x30000000            # of restore_x86_64.s
        .set    SLOTS, 2048                     # the value of --root, the log, ...
        .set    SLOT_COUNT, 12
        .set    ROOT, SLOTS+1*8
        .set    START, 3
        .set    KILL, 4
        .set    ID, SLOTS+7*8
        .set    SIGNAL, SLOTS+8*8
        .set    RUNTIME_DIR, SLOTS+9*8
        .set    ROOT_FD, SLOTS+10*8
        .set    DIR_FD, SLOTS+11*8

prepared:
        cmp     qword ptr [rbx+112], 0
        je      engine
        mov     r13, rsp
        lea     rdi, [r13+SLOTS]
        mov     ecx, SLOT_COUNT
        xor     eax, eax
        rep stosq
        mov     rax, [rbp]                      # a variable that the engine's way has to look at?
        lea     r12, [rbp+rax*8+16]
1:      mov     rsi, [r12]
        add     r12, 8
        test    rsi, rsi
        jz      line
        cmp     dword ptr [rsi], 0x75727374     # "tsru"
        jne     2f
        cmp     word ptr [rsi+4], 0x3a6e        # "n:"
        jne     2f
        add     rsi, 6
2:      lea     r8, [rbx+120]
        call    match
        jne     1b
        movzx   eax, byte ptr [r8+7]
        test    eax, eax
        jz      engine
        mov     [r13+SLOTS+rax*8], rsi
        jmp     1b
line:   mov     r12d, 1                         # global flags, up to the command
1:      cmp     r12, [rbp]
        jae     engine
        mov     rsi, [rbp+8+r12*8]
        lea     r8, [rbx+136]
        call    match
        jne     engine
        movzx   eax, byte ptr [r8+7]
        mov     [r13+SLOTS+rax*8], rsi
        movzx   ecx, byte ptr [r8+6]
        add     r12, rcx
        cmp     eax, START
        jb      1b
        cmp     r12, [rbp]                      # the container's id
        jae     engine
        mov     rsi, [rbp+8+r12*8]
        cmp     byte ptr [rsi], '-'
        je      engine
        mov     [r13+ID], rsi
        add     r12, 1
        cmp     eax, KILL
        jne     2f
        mov     qword ptr [r13+SIGNAL], 15      # SIGTERM
        cmp     r12, [rbp]
        je      2f
        mov     rsi, [rbp+8+r12*8]
        add     r12, 1
        lea     r8, [rbx+152]
        call    match
        jne     engine
        movzx   eax, byte ptr [r8+7]
        mov     [r13+SIGNAL], rax
2:      cmp     r12, [rbp]
        jne     engine
        cmp     qword ptr [r13+ROOT], 0
        je      3f
        mov     qword ptr [r13+RUNTIME_DIR], 0  # matters for the usual root only
        jmp     open
3:      mov     rax, [rbx+168]
        add     rax, rbx
        mov     [r13+ROOT], rax
open:   mov     qword ptr [r13+ROOT_FD], -1
        mov     qword ptr [r13+DIR_FD], -1
        mov     r12, -1
        mov     eax, 107                        # geteuid()
        syscall
        mov     r14d, eax
        mov     edi, -100                       # AT_FDCWD; O_PATH|O_DIRECTORY|O_CLOEXEC
        mov     rsi, [r13+ROOT]
        mov     edx, 0x290000
        call    look
        mov     [r13+ROOT_FD], rax
        cmp     eax, 2                          # a standard stream is closed: its number is no place for files
        jle     undo
        mov     eax, [r13+28]                   # st_uid
        test    eax, eax
        jz      1f
        cmp     eax, r14d
        jne     undo
1:      test    byte ptr [r13+24], 2            # st_mode
        jnz     undo
        mov     edi, [r13+ROOT_FD]              # O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC
        mov     rsi, [r13+ID]
        mov     edx, 0xb0000
        call    look
        mov     [r13+DIR_FD], rax
        test    eax, eax
        js      undo
        cmp     [r13+28], r14d
        jne     undo
        test    byte ptr [r13+24], 0x12
        jnz     undo
        mov     edi, eax                        # O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC
        lea     rsi, [rip+file]
        mov     edx, 0xa0800
        call    look
        mov     r12, rax
        test    eax, eax
        js      undo
        cmp     [r13+28], r14d
        jne     undo
        cmp     dword ptr [r13+24], 0x8180      # S_IFREG, 0600
        jne     undo
        mov     edi, DATA                       # mmap(DATA, size, PROT_READ, MAP_PRIVATE|MAP_FIXED_NOREPLACE, file, 0)
        mov     rsi, [r13+48]                   # st_size
        mov     edx, 1
        mov     r10d, 0x100002
        mov     r8d, r12d
        xor     r9d, r9d
        mov     eax, 9
        syscall
        cmp     rax, DATA
        jne     undo
        mov     rcx, [rbx+112]                  # of this build, and whole?
        cmp     [rax], rcx
        jne     unmap
        mov     rcx, [r13+48]
        cmp     [rax+8], rcx
        jne     unmap
        mov     edi, PROGRAM                    # the same, of memory that can be written to
        mov     rsi, [rbx+176]
        mov     edx, 3
        mov     r10d, 0x100022
        mov     r8, -1
        mov     eax, 9
        syscall
        cmp     rax, PROGRAM
        jne     unmap
        mov     rdi, rax
        mov     rsi, [rbx+184]
        add     rsi, rbx
        mov     rcx, [rbx+176]
        rep movsb
        lea     rdi, [rax+16]
        lea     rsi, [r13+SLOTS]
        mov     ecx, SLOT_COUNT
        rep movsq
        mov     r14, [rax]                      # the first record
record: mov     ecx, [r14+4]
        mov     rdi, [r14+8]
        mov     rsi, [r14+16]
        mov     rdx, [r14+24]
        mov     r10, [r14+32]
        mov     r8, [r14+40]
        mov     r9, [r14+48]
        test    cl, 1
        jz      1f
        mov     rdi, [rdi]
1:      test    cl, 2
        jz      2f
        mov     rsi, [rsi]
2:      test    cl, 4
        jz      3f
        mov     rdx, [rdx]
3:      test    cl, 8
        jz      4f
        mov     r10, [r10]
4:      test    cl, 16
        jz      5f
        mov     r8, [r8]
5:      test    cl, 32
        jz      6f
        mov     r9, [r9]
6:      movsxd  rax, dword ptr [r14]
        cmp     eax, -1
        je      stop
        cmp     eax, -2
        je      branch
        cmp     eax, -3
        je      compare
        cmp     eax, -4
        je      copies
        cmp     eax, -5
        je      resume
        syscall
        jmp     result
compare:
        mov     rcx, rdx
        xor     eax, eax
        repe cmpsb
        je      result
        mov     rax, -1
        jmp     result
copies: mov     rcx, rdx
        xor     eax, eax
        rep movsb
        jmp     result
branch: mov     rax, rdi
result: mov     [r14+56], rax
        test    rax, rax
        js      1f
        jz      2f
        mov     rax, [r14+72]
        test    rax, rax
        jnz     jump
2:      add     r14, 80
        jmp     record
1:      mov     rax, [r14+64]
        test    rax, rax
        jz      stop
jump:   mov     r14, rax
        jmp     record
resume: jmp     rsi
stop:   cmp     r14, SNAPSHOT                   # the records of restore_x86_64.s
        jae     halt
        mov     r14, [PROGRAM+8]
        call    closes
unmap:  mov     edi, DATA                       # both
        mov     esi, 2*(PROGRAM-DATA)
        mov     eax, 11
        syscall
undo:   mov     edi, r12d
        mov     eax, 3
        syscall
        mov     edi, [r13+DIR_FD]
        mov     eax, 3
        syscall
        mov     edi, [r13+ROOT_FD]
        mov     eax, 3
        syscall
        jmp     engine
closes: mov     r15, [r14]                      # closes what records have opened: how many there may be, and where, from r14 on
1:      sub     r15, 1
        js      2f
        add     r14, 8
        mov     rax, [r14]
        mov     edi, [rax]
        mov     eax, 3
        syscall
        jmp     1b
2:      ret
look:   xor     r10d, r10d                      # rax: openat(edi, rsi, edx), with its struct stat, or below 0
        mov     eax, 257
        syscall
        test    rax, rax
        js      1f
        push    rax
        mov     edi, eax
        mov     rsi, r13
        mov     eax, 5                          # fstat(file, stack)
        syscall
        pop     rax
1:      ret
match:  mov     rdx, rsi                        # finds the row of a list at r8 that rsi begins with; rsi: what follows
        mov     r9, [r8]
        mov     r8, [r8+8]
        add     r8, rbx
1:      sub     r9, 1
        js      2f
        mov     rsi, rdx
        mov     edi, [r8]
        add     rdi, rbx
        movzx   ecx, word ptr [r8+4]
        repe cmpsb
        je      2f
        add     r8, 8
        jmp     1b
2:      ret
file:   .asciz  "prepared"
