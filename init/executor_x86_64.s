# The executor on x86-64: runs batches of system calls that lie in memory shared with tsrun.
#
# A record is 80 bytes:
#    0  number of the call (-1: stop and report; -2: no call, the first argument is the result)
#    4  bit i set: argument i is the address of the word to pass
#    8  six arguments
#   56  the result is stored here
#   64  where to go on an error, 0 to stop and report
#   72  where to go on a result above zero, 0 for the next record
#
# rbx holds the record. Nothing is kept in memory of its own but eight bytes of stack to talk through.
# The bytes in image.ts are this file's; `deno test init/image_test.ts` assembles it again and compares.

        .intel_syntax noprefix
        .set    ARENA, 0x10000000
        .set    ARENA_SIZE, 0x1000000

        .text
        .globl  _start
_start: mov     eax, 9                          # mmap(ARENA, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, memory, 0)
        mov     edi, ARENA
        mov     esi, ARENA_SIZE
        mov     edx, 3
        mov     r10d, 0x11
        mov     r8d, [rip+memory]
        xor     r9d, r9d
        syscall
        push    rax
wait:   xor     eax, eax                        # read(channel, stack, 8): the first record of a batch
        mov     edi, [rip+channel]
        mov     rsi, rsp
        mov     edx, 8
        syscall
        cmp     rax, 8
        jne     gone
        mov     rbx, [rsp]
record: mov     ecx, [rbx+4]
        mov     rdi, [rbx+8]
        mov     rsi, [rbx+16]
        mov     rdx, [rbx+24]
        mov     r10, [rbx+32]
        mov     r8, [rbx+40]
        mov     r9, [rbx+48]
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
6:      movsxd  rax, dword ptr [rbx]
        cmp     eax, -1
        je      stop
        cmp     eax, -2
        je      7f
        syscall
        jmp     8f
7:      mov     rax, rdi
8:      mov     [rbx+56], rax
        test    rax, rax
        js      error
        jz      next
        mov     rax, [rbx+72]
        test    rax, rax
        jnz     jump
next:   add     rbx, 80
        jmp     record
error:  mov     rax, [rbx+64]
        test    rax, rax
        jz      stop
jump:   mov     rbx, rax
        jmp     record
stop:   mov     [rsp], rbx                      # write(channel, stack, 8): the record where it stopped
        mov     eax, 1
        mov     edi, [rip+channel]
        mov     rsi, rsp
        mov     edx, 8
        syscall
        cmp     rax, 8
        je      wait
gone:   mov     edi, 1                          # nobody drives it, or nobody hears it: exit_group(1)
quit:   mov     eax, 231
        syscall
        hlt                                     # a filter forbids that: a trap ends it
        .globl  ended
ended:  sub     edi, -128                       # the handler of signals that end it: exit_group(128 + signal)
        jmp     quit
        .balign 4
channel: .long  0                               # both filled in by tsrun when it starts an executor
memory: .long   0
