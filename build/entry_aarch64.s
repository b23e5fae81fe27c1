// The entry of tsrun on aarch64: see entry_x86_64.s, which does the same and describes the table.
//
// x19: the kernel's arguments; x20: the table; x21: the caller's environment; x22: x0 of the entry point;
// x23: bytes of the new variables; x24: 1 some are plain, 2 ld.so has read some; x25: path of this program.

        .text
        .globl  _start
_start: mov     x19, sp
        mov     x22, x0
        adr     x20, table
        sub     sp, sp, 4096
        ldp     x21, x23, [x20, 48]
        add     x23, x23, x20
limit:  cbz     x21, thread                     // prlimit64(0, resource, NULL, stack)
        sub     x21, x21, 1
        mov     x8, 261
        mov     x0, 0
        ldr     w1, [x23]
        mov     x2, 0
        mov     x3, sp
        svc     0
        ldr     w0, [x23, 4]
        ldr     x0, [sp, x0]
        ldr     x1, [x23, 8]
        add     x2, x23, 16
        cmp     x0, x1
        b.lo    say
        add     x23, x23, 32
        b       limit
fail:   add     x2, x20, 64
say:    ldp     x1, x2, [x2]                    // write(2, message, length); exit_group(1)
        add     x1, x1, x20
        mov     x0, 2
        mov     x8, 64
        svc     0
        mov     x0, 1
        mov     x8, 94
        svc     0
thread: mov     x8, 220                         // clone(CLONE_VM|CLONE_VFORK|SIGCHLD, 0): may there be one more?
        mov     x0, 0x4111
        mov     x1, 0
        svc     0
        cbz     x0, leave
        add     x2, x20, 80
        cmn     x0, 11                          // EAGAIN
        b.eq    say
        mov     x8, 260                         // wait4(child, NULL, 0, NULL)
        mov     x1, 0
        mov     x2, 0
        mov     x3, 0
        svc     0
        b       where
leave:  mov     x8, 93
        svc     0
where:  mov     x8, 17                          // getcwd(stack, 4096)
        mov     x0, sp
        mov     x1, 4096
        svc     0
        cmn     x0, 2                           // ENOENT: the directory was removed
        b.eq    1f
        tbnz    x0, 63, count
        ldrb    w0, [sp]
        cmp     w0, '/'                         // "(unreachable)" otherwise
        b.eq    count
1:      mov     w0, '/'                         // chdir("/")
        strh    w0, [sp]
        mov     x8, 49
        mov     x0, sp
        svc     0
count:  ldr     x0, [x19]
        add     x21, x19, x0, lsl 3
        add     x21, x21, 16
        mov     x23, 0
        mov     x24, 0
        mov     x9, x21
        adr     x0, names
        ldp     w10, w11, [x0]                  // "tsru", "n:"
        ldp     w12, w13, [x0, 8]               // "GLIB", "MALL": GLIBC_TUNABLES, MALLOC_*
        ldr     w14, [x0, 16]                   // "LD_"
1:      ldr     x1, [x9], 8
        cbz     x1, execfn
        mov     x2, x1
2:      ldrb    w0, [x2], 1
        cbnz    w0, 2b
        sub     x2, x2, x1
        add     x2, x2, 6
        add     x23, x23, x2
        ldr     w0, [x1]
        cmp     w0, w10
        b.ne    3f
        ldrh    w2, [x1, 4]
        cmp     w2, w11
        b.eq    1b
3:      orr     x24, x24, 1
        cmp     w0, w12
        ccmp    w0, w13, 4, ne
        b.eq    4f
        and     w0, w0, 0xffffff
        cmp     w0, w14
        b.ne    1b
4:      orr     x24, x24, 2
        b       1b
execfn: mov     x1, x9                          // x9: the auxiliary vector; x25: AT_EXECFN's path
1:      ldp     x0, x25, [x1], 16
        cbz     x0, fail
        cmp     x0, 31
        b.ne    1b
        ldr     x0, [x20]                       // an engine of its own, or some plain variable?
        orr     x0, x0, x24
        cbz     x0, inside
        ldr     x1, [x19]                       // mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        ldr     x2, [x20, 16]
        ldr     x3, [x20, 32]
        add     x1, x1, x2
        add     x1, x1, x3
        add     x1, x23, x1, lsl 3
        sub     x2, x9, x21
        add     x1, x1, x2
        add     x1, x1, 32
        mov     x8, 222
        mov     x0, 0
        mov     x2, 3
        mov     x3, 0x22
        mov     x4, -1
        mov     x5, 0
        svc     0
        cmn     x0, 4095
        b.hs    fail
        add     x6, x0, x23                     // x0: where strings go; x6: then pointers
        add     x6, x6, 7
        and     x6, x6, -8
        ldr     x1, [x20]
        cmp     x1, 0
        csel    x6, x6, x21, ne                 // in the place of the caller's
        mov     x23, x6                         // the new environment
        ldp     x1, x2, [x20, 32]
        bl      list
        mov     x9, x21
1:      ldr     x1, [x9], 8
        cbz     x1, 3f
        str     x0, [x6], 8
        str     w10, [x0], 4                    // "tsrun:"
        strh    w11, [x0], 2
2:      ldrb    w2, [x1], 1
        strb    w2, [x0], 1
        cbnz    w2, 2b
        b       1b
3:      str     xzr, [x6], 8
        ldr     x1, [x20]
        cbnz    x1, other
        tbz     x24, 1, inside
        mov     x8, 221                         // execve(this program again, as it was called)
        mov     x0, x25
        add     x1, x19, 8
        mov     x2, x21
        svc     0
inside: ldr     x1, [x20, 8]
        add     x1, x1, x20
        mov     sp, x19
        mov     x0, x22
        br      x1
other:  mov     x7, x6                          // the new arguments
        ldp     x1, x2, [x20, 16]
        bl      list
        str     x25, [x6], 8
        ldr     x1, [x19]
        add     x2, x19, 16
1:      subs    x1, x1, 1
        b.le    2f
        ldr     x3, [x2], 8
        str     x3, [x6], 8
        b       1b
2:      str     xzr, [x6]
        mov     x8, 221                         // execve(engine, arguments, environment)
        ldr     x0, [x20]
        add     x0, x0, x20
        mov     x1, x7
        mov     x2, x23
        svc     0
        b       fail
list:   add     x2, x2, x20                     // x1 addresses of the table, from x2 to x6
1:      cbz     x1, 2f
        sub     x1, x1, 1
        ldr     x3, [x2], 8
        add     x3, x3, x20
        str     x3, [x6], 8
        b       1b
2:      ret
        .balign 8
names:  .ascii  "tsrun:\0\0GLIBMALLLD_\0"
        .balign 8
table:
