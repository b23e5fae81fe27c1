# The signal handler on x86-64: writes the signal's number to a pipe, as one byte.
#
# It runs on whichever thread the kernel chooses, so it touches nothing but its own stack and registers, and makes its
# call itself: errno stays what it was. Where the pipe is full, more of the same tells nothing new.
# The bytes in signal_relay.ts are this file's; `deno test ffi/signal_relay_test.ts` assembles it again and compares.

        .intel_syntax noprefix
        .text
handler:
        push    rdi                             # the number, little-endian: its first byte is all of it
        mov     eax, 1                          # write(pipe, stack, 1)
        mov     edi, [rip+pipe]
        mov     rsi, rsp
        mov     edx, 1
        syscall
        pop     rdi
        ret
restorer:
        mov     eax, 15                         # rt_sigreturn(), which the kernel leaves to the program here
        syscall
pipe:   .long   0                               # filled in when it is installed
