# The entry of tsrun on x86-64: what runs before the engine, so that nothing of the caller's steers that.
#
# Where an engine is kept that has started already, it goes on from there (restore_x86_64.s). Else
# it looks at the caller's limits, tries whether there may be enough descriptors and one more thread, leaves a directory that was removed, puts
# `tsrun:` before the name of every variable, and goes on to the engine. Where that is another file, by execve(2). Where it is
# this very program, whose header of ld.so the kernel was not to see, by doing what the kernel would have done: ld.so is
# mapped and entered, with the new environment on the stack.
#
# Behind the code lies a table of words; addresses in it count from its beginning:
#    0  path of the engine, 0 where it is this program        8  its entry point then
#   16  how many arguments it is given first, 24  where they are (a word with an address for each)
#   32  how many variables,                   40  where they are
#   48  how many limits,                      56  where they are (resource and, in the upper half, 0 for
#                                                 the soft limit or 8 for the hard one; least value; message; its length)
#   64  message of a failure,                 72  its length
#   80  message where no thread may be made,  88  its length
#   96  path of ld.so, and                   104  the program header that names it, where the engine is this program
#  192  how many descriptors must be free, at most 40: 0 where nothing is to be tried
#  200  message where fewer are,             208  its length
#  216  path of an engine that has started already, 0 for none; below the directory of the cache where the engine
#       is this program
#
# rbp: the kernel's arguments; rbx: the table; r12: the caller's environment.
# The bytes in entry.ts are this file's; entry_test.ts assembles it again and compares.

        .intel_syntax noprefix
        .text
        .globl  _start
_start:
begin:  mov     rbp, rsp
        lea     rbx, [rip+table]
        sub     rsp, 4096
        jmp     prepared
engine: xor     r15d, r15d
        mov     r12, [rbx+48]
        mov     r13, [rbx+56]
        add     r13, rbx
limit:  sub     r12, 1                          # prlimit64(0, resource, NULL, stack)
        js      files
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
files:  cmp     qword ptr [rbx+216], 0
        je      start
        test    r15d, r15d
        jz      where
start:  mov     r13, [rbx+192]
        test    r13, r13
        jz      thread
        xor     edx, edx                        # the soft limit is the hard one for a moment: the engine sets it so
        mov     r10, rsp
        call    nofile
        mov     rax, [rsp+8]
        mov     [rsp+16], rax
        mov     [rsp+24], rax
        lea     rdx, [rsp+16]
        xor     r10d, r10d
        call    nofile
        xor     r12d, r12d
        mov     eax, 290                        # eventfd2(0, EFD_CLOEXEC)
        xor     edi, edi
        mov     esi, 0x80000
        syscall
1:      test    rax, rax
        js      2f
        mov     [rsp+r12*4+32], eax
        add     r12, 1
        cmp     r12, r13
        je      2f
        mov     eax, 72                         # fcntl(the first, F_DUPFD_CLOEXEC, 0)
        mov     edi, [rsp+32]
        mov     esi, 1030
        xor     edx, edx
        syscall
        jmp     1b
2:      mov     r14, rax
3:      sub     r12, 1
        js      4f
        mov     eax, 3                          # close
        mov     edi, [rsp+r12*4+32]
        syscall
        jmp     3b
4:      mov     rdx, rsp
        xor     r10d, r10d
        call    nofile
        lea     rdx, [rbx+200]
        cmp     r14, -24                        # EMFILE
        je      say
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
        xor     r9d, r9d                        # 1: some are plain
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
2:      mov     r9d, 1
        jmp     1b
execfn: mov     rcx, r14                        # r14: the auxiliary vector; rcx: AT_EXECFN's path
        push    r14
1:      mov     rax, [rcx]
        add     rcx, 16
        test    rax, rax
        jz      fail
        cmp     rax, 31
        jne     1b
        push    qword ptr [rcx-8]
        mov     rsi, [rbp]                      # mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        add     rsi, [rbx+16]
        add     rsi, [rbx+32]
        lea     rsi, [r13+rsi*8+8192]
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
        lea     r8, [rax+r13+4200]
        and     r8, -8
        mov     r13, r8                         # the new environment
        cmp     qword ptr [rbx], 0
        jne     1f
        call    cache
1:      mov     r10, [rbx+32]
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
        test    r9d, r9d
        jz      copy
        mov     dword ptr [rdi], 0x75727374     # "tsrun:"
        mov     word ptr [rdi+4], 0x3a6e
        add     rdi, 6
copy:   lodsb
        stosb
        test    al, al
        jnz     copy
        jmp     2b
3:      mov     qword ptr [r8], 0
        add     r8, 8
        cmp     qword ptr [rbx+216], 0
        je      1f
        test    r15d, r15d
        jz      restore
1:      cmp     qword ptr [rbx], 0
        jne     other
        mov     rdx, [rsp+8]                    # arguments, environment and auxiliary vector anew, below what there was
        mov     rax, rdx
1:      add     rax, 16
        cmp     qword ptr [rax-16], 0
        jne     1b
        sub     rax, rdx                        # bytes of the vector
        sub     r8, r13                         # and of the environment
        mov     rcx, [rbp]
        add     rcx, 2
        lea     r10, [rax+rcx*8]
        add     r10, r8
        sub     rsp, r10
        and     rsp, -16
        mov     rdi, rsp
        mov     rsi, rbp
        rep movsq
        mov     rsi, r13
        mov     rcx, r8
        rep movsb
        mov     rsi, rdx
        mov     rcx, rax
        rep movsb
        sub     rdi, rax
        mov     rax, [rbx+8]
        add     rax, rbx
1:      mov     rcx, [rdi]
        cmp     rcx, 9                          # AT_ENTRY
        jne     2f
        mov     [rdi+8], rax
2:      cmp     rcx, 7                          # AT_BASE
        jne     3f
        mov     [rsp-16], rdi
3:      add     rdi, 16
        test    rcx, rcx
        jnz     1b
        mov     r13, [rbx+104]                  # the header as it was: mprotect(2) around the change
        add     r13, rbx
        mov     rdi, r13
        and     rdi, -4096
        mov     esi, 4096
        mov     edx, 3
        mov     eax, 10
        syscall
        mov     dword ptr [r13], 3              # PT_INTERP
        mov     edx, 1
        mov     eax, 10
        syscall
        mov     eax, 2                          # open(ld.so, O_RDONLY|O_CLOEXEC)
        mov     rdi, [rbx+96]
        add     rdi, rbx
        mov     esi, 0x80000
        syscall
        mov     ebp, eax
        mov     edi, eax                        # read(file, headers, 1024)
        xor     eax, eax
        lea     r14, [rsp-2048]
        mov     rsi, r14
        mov     edx, 1024
        syscall
        cmp     rax, 128
        jl      fail
        xor     esi, esi                        # its size in memory
        movzx   r15d, word ptr [r14+56]
        lea     r12, [r14+64]
1:      cmp     dword ptr [r12], 1              # PT_LOAD
        jne     2f
        mov     rsi, [r12+16]
        add     rsi, [r12+40]
2:      add     r12, 56
        sub     r15d, 1
        jnz     1b
        xor     edi, edi                        # mmap(NULL, size, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        xor     edx, edx
        mov     r10d, 0x22
        call    anonym
        mov     r13, rax
        movzx   r15d, word ptr [r14+56]
        lea     r12, [r14+64]
load:   cmp     dword ptr [r12], 1
        jne     next
        mov     eax, [r12+4]                    # PF_X 1, PF_W 2, PF_R 4; PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4
        mov     edx, eax
        and     edx, 2
        mov     ecx, eax
        shr     ecx, 2
        or      edx, ecx
        and     eax, 1
        shl     eax, 2
        or      edx, eax
        mov     rdi, [r12+16]                   # mmap(place, size in the file, ..., MAP_PRIVATE|MAP_FIXED, file, offset)
        mov     rsi, [r12+32]
        mov     r9, [r12+8]
        mov     eax, edi
        and     eax, 4095
        sub     rdi, rax
        add     rsi, rax
        sub     r9, rax
        add     rdi, r13
        mov     r10d, 0x12
        mov     r8d, ebp
        call    map
        mov     rdi, [r12+16]                   # what it has in memory only is zero
        add     rdi, r13
        mov     rsi, rdi
        add     rdi, [r12+32]
        add     rsi, [r12+40]
        cmp     rdi, rsi
        jae     next
        mov     ecx, edi
        neg     ecx
        and     ecx, 4095
        xor     eax, eax
        rep stosb
        sub     rsi, rdi
        jbe     next
        mov     edx, 3
        mov     r10d, 0x32
        call    anonym
next:   add     r12, 56
        sub     r15d, 1
        jnz     load
        mov     eax, 3                          # close(file)
        mov     edi, ebp
        syscall
        mov     rax, [rsp-16]
        mov     [rax+8], r13
        mov     rax, [r14+24]
        add     rax, r13
        xor     edx, edx
        jmp     rax
anonym: mov     r8, -1
        xor     r9d, r9d
map:    mov     eax, 9
        syscall
        cmp     rax, -4096
        ja      fail
        ret
other:  mov     rsi, r8                         # the new arguments
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
nofile: mov     eax, 302                        # prlimit64(0, RLIMIT_NOFILE, new, old)
        xor     edi, edi
        mov     esi, 7
        syscall
        ret
list:   sub     r10, 1                          # r10 addresses of the table, from r14 to r8
        js      1f
        mov     rax, [r14]
        add     rax, rbx
        mov     [r8], rax
        add     r14, 8
        add     r8, 8
        jmp     list
1:      ret
cache:  mov     [r8], rdi                       # TMPDIR: the engine's cache is .NAME beside this program
        add     r8, 8
        mov     rax, 0x2f3d524944504d54         # "TMPDIR=/"
        mov     [rdi], rax
        lea     r14, [rdi+7]
        mov     eax, 89                         # readlink(exe, path, 4000)
        lea     rdi, [rip+exe]
        mov     rsi, r14
        mov     edx, 4000
        syscall
        test    rax, rax
        jle     none
        lea     rsi, [r14+rax]
        mov     rcx, rsi
1:      sub     rcx, 1
        cmp     byte ptr [rcx], '/'
        jne     1b
        mov     byte ptr [rsi+1], 0
2:      sub     rsi, 1
        cmp     rsi, rcx
        je      3f
        mov     al, [rsi]
        mov     [rsi+1], al
        jmp     2b
3:      mov     byte ptr [rcx+1], '.'
        mov     eax, 4                          # stat(exe, stack)
        lea     rdi, [rip+exe]
        lea     rsi, [rsp+24]
        syscall
        test    rax, rax
        js      none
        mov     edx, [rsp+24+28]
        mov     eax, 6                          # lstat(path, stack): a directory of the same owner's, which no other may write to
        mov     rdi, r14
        syscall
        test    rax, rax
        js      none
        cmp     edx, [rsp+24+28]
        jne     none
        mov     eax, [rsp+24+24]
        and     eax, 0xf012
        cmp     eax, 0x4000
        je      1f
none:   mov     rax, 0x6c756e2f7665642f         # "/dev/null"
        mov     [r14], rax
        mov     word ptr [r14+8], 'l'
1:      mov     rdi, r14
        mov     rcx, -1
        xor     eax, eax
        repne scasb
        ret
exe:    .asciz  "/proc/self/exe"
        .include "prepared_x86_64.s"
        .include "restore_x86_64.s"
        .balign 8
table:
