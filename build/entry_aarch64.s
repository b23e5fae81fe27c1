// The entry of tsrun on aarch64: see entry_x86_64.s, which does the same and describes the table.
//
// x19: the kernel's arguments; x20: the table; x21: the caller's environment;
// x23: bytes of the new variables, then these; x24: some are plain; x25: path of this program; x26: the auxiliary vector.

        .text
        .globl  _start
_start: mov     x19, sp
        adr     x20, table
        sub     sp, sp, 4096
        b       prepared
engine: ldp     x21, x23, [x20, 48]
        add     x23, x23, x20
limit:  cbz     x21, files                      // prlimit64(0, resource, NULL, stack)
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
files:  ldr     x23, [x20, 192]
        cbz     x23, thread
        mov     x2, 0                           // the soft limit is the hard one for a moment: the engine sets it so
        mov     x3, sp
        bl      nofile
        ldr     x0, [sp, 8]
        stp     x0, x0, [sp, 16]
        add     x2, sp, 16
        mov     x3, 0
        bl      nofile
        mov     x21, 0
        add     x22, sp, 32
        mov     x8, 19                          // eventfd2(0, EFD_CLOEXEC)
        mov     x0, 0
        mov     x1, 0x80000
        svc     0
1:      tbnz    x0, 63, 2f
        str     w0, [x22, x21, lsl 2]
        add     x21, x21, 1
        cmp     x21, x23
        b.eq    2f
        ldr     w0, [x22]                       // fcntl(the first, F_DUPFD_CLOEXEC, 0)
        mov     x8, 25
        mov     x1, 1030
        mov     x2, 0
        svc     0
        b       1b
2:      mov     x24, x0
3:      cbz     x21, 4f
        sub     x21, x21, 1
        ldr     w0, [x22, x21, lsl 2]           // close
        mov     x8, 57
        svc     0
        b       3b
4:      mov     x2, sp
        mov     x3, 0
        bl      nofile
        add     x2, x20, 200
        cmn     x24, 24                         // EMFILE
        b.eq    say
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
3:      mov     x24, 1
        b       1b
execfn: mov     x26, x9
        mov     x1, x9                          // x9: the auxiliary vector; x25: AT_EXECFN's path
1:      ldp     x0, x25, [x1], 16
        cbz     x0, fail
        cmp     x0, 31
        b.ne    1b
        ldr     x1, [x19]                       // mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        ldr     x2, [x20, 16]
        ldr     x3, [x20, 32]
        add     x1, x1, x2
        add     x1, x1, x3
        add     x1, x23, x1, lsl 3
        sub     x2, x9, x21
        add     x1, x1, x2
        add     x1, x1, 8192
        mov     x8, 222
        mov     x0, 0
        mov     x2, 3
        mov     x3, 0x22
        mov     x4, -1
        mov     x5, 0
        svc     0
        cmn     x0, 4095
        b.hs    fail
        mov     x15, x0                         // where strings go
        add     x6, x0, x23                     // x6: then pointers
        add     x6, x6, 4096
        add     x6, x6, 104
        and     x6, x6, -8
        mov     x23, x6                         // the new environment
        ldr     x27, [x20]
        cbnz    x27, 1f
        bl      cache
1:      ldp     x1, x2, [x20, 32]
        bl      list
        mov     x9, x21
2:      ldr     x1, [x9], 8
        cbz     x1, 4f
        str     x15, [x6], 8
        tbz     x24, 0, 3f
        str     w10, [x15], 4                   // "tsrun:"
        strh    w11, [x15], 2
3:      ldrb    w2, [x1], 1
        strb    w2, [x15], 1
        cbnz    w2, 3b
        b       2b
4:      str     xzr, [x6], 8
        cbnz    x27, other
        mov     x2, x26                         // arguments, environment and auxiliary vector anew, below what there was
1:      ldr     x0, [x2], 16
        cbnz    x0, 1b
        sub     x2, x2, x26                     // bytes of the vector
        sub     x6, x6, x23                     // and of the environment
        ldr     x1, [x19]
        add     x1, x1, 2
        lsl     x1, x1, 3                       // and of the arguments
        add     x3, x1, x2
        add     x3, x3, x6
        mov     x0, sp
        sub     x0, x0, x3
        and     x0, x0, -16
        mov     sp, x0
        mov     x4, x19
        bl      words
        mov     x4, x23
        mov     x1, x6
        bl      words
        mov     x19, x0                         // the new vector
        mov     x4, x26
        mov     x1, x2
        bl      words
        ldr     x1, [x20, 8]
        add     x1, x1, x20
        mov     x21, 4096                       // size of a page
1:      ldr     x0, [x19]
        cmp     x0, 9                           // AT_ENTRY
        b.ne    2f
        str     x1, [x19, 8]
2:      cmp     x0, 7                           // AT_BASE
        csel    x22, x19, x22, eq
        cmp     x0, 6                           // AT_PAGESZ
        b.ne    3f
        ldr     x21, [x19, 8]
3:      add     x19, x19, 16
        cbnz    x0, 1b
        ldr     x23, [x20, 104]                 // the header as it was: mprotect(2) around the change
        add     x23, x23, x20
        neg     x0, x21
        and     x24, x23, x0
        mov     x0, x24
        mov     x1, x21
        mov     x2, 3
        mov     x8, 226
        svc     0
        mov     w0, 3                           // PT_INTERP
        str     w0, [x23]
        mov     x0, x24
        mov     x2, 1
        svc     0
        mov     x8, 56                          // openat(AT_FDCWD, ld.so, O_RDONLY|O_CLOEXEC)
        mov     x0, -100
        ldr     x1, [x20, 96]
        add     x1, x1, x20
        mov     x2, 0x80000
        mov     x3, 0
        svc     0
        mov     x19, x0
        sub     x23, sp, 2048                   // read(file, headers, 1024)
        mov     x8, 63
        mov     x1, x23
        mov     x2, 1024
        svc     0
        cmp     x0, 128
        b.lt    fail
        mov     x1, 0                           // its size in memory
        add     x24, x23, 64
        ldrh    w25, [x23, 56]
1:      ldr     w0, [x24]
        cmp     w0, 1                           // PT_LOAD
        b.ne    2f
        ldr     x1, [x24, 16]
        ldr     x0, [x24, 40]
        add     x1, x1, x0
2:      add     x24, x24, 56
        subs    w25, w25, 1
        b.ne    1b
        mov     x0, 0                           // mmap(NULL, size, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
        mov     x2, 0
        mov     x3, 0x22
        bl      anonym
        mov     x26, x0
        add     x24, x23, 64
        ldrh    w25, [x23, 56]
load:   ldr     w0, [x24]
        cmp     w0, 1
        b.ne    next
        ldr     w0, [x24, 4]                    // PF_X 1, PF_W 2, PF_R 4; PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4
        and     w2, w0, 2
        orr     w2, w2, w0, lsr 2
        and     w2, w2, 3
        and     w0, w0, 1
        orr     w2, w2, w0, lsl 2
        ldr     x0, [x24, 16]                   // mmap(place, size in the file, ..., MAP_PRIVATE|MAP_FIXED, file, offset)
        ldr     x1, [x24, 32]
        ldr     x5, [x24, 8]
        sub     x6, x21, 1
        and     x6, x6, x0
        sub     x0, x0, x6
        add     x1, x1, x6
        sub     x5, x5, x6
        add     x0, x0, x26
        mov     x3, 0x12
        mov     x4, x19
        bl      map
        ldr     x0, [x24, 16]                   // what it has in memory only is zero
        add     x0, x0, x26
        ldr     x1, [x24, 40]
        add     x1, x1, x0
        ldr     x2, [x24, 32]
        add     x0, x0, x2
        cmp     x0, x1
        b.hs    next
        sub     x6, x21, 1
1:      tst     x0, x6
        b.eq    2f
        strb    wzr, [x0], 1
        b       1b
2:      subs    x1, x1, x0
        b.ls    next
        mov     x2, 3
        mov     x3, 0x32
        bl      anonym
next:   add     x24, x24, 56
        subs    w25, w25, 1
        b.ne    load
        mov     x8, 57                          // close(file)
        mov     x0, x19
        svc     0
        str     x26, [x22, 8]
        ldr     x1, [x23, 24]
        add     x1, x1, x26
        mov     x0, 0
        br      x1
anonym: mov     x4, -1
        mov     x5, 0
map:    mov     x8, 222
        svc     0
        cmn     x0, 4095
        b.hs    fail
        ret
words:  ldr     x5, [x4], 8                     // x1 bytes from x4 to x0
        str     x5, [x0], 8
        subs    x1, x1, 8
        b.ne    words
        ret
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
        add     x0, x27, x20
        mov     x1, x7
        mov     x2, x23
        svc     0
        b       fail
nofile: mov     x8, 261                         // prlimit64(0, RLIMIT_NOFILE, new, old)
        mov     x0, 0
        mov     x1, 7
        svc     0
        ret
list:   add     x2, x2, x20                     // x1 addresses of the table, from x2 to x6
1:      cbz     x1, 2f
        sub     x1, x1, 1
        ldr     x3, [x2], 8
        add     x3, x3, x20
        str     x3, [x6], 8
        b       1b
2:      ret
cache:  str     x15, [x6], 8                    // TMPDIR: the engine's cache is .NAME beside this program
        adr     x0, tmpdir
        ldr     x1, [x0]
        str     x1, [x15]
        add     x9, x15, 7
        mov     x8, 78                          // readlinkat(AT_FDCWD, exe, path, 4000)
        mov     x0, -100
        adr     x1, exe
        mov     x2, x9
        mov     x3, 4000
        svc     0
        cmp     x0, 0
        b.le    none
        add     x1, x9, x0
        mov     x2, x1
1:      ldrb    w0, [x2, -1]!
        cmp     w0, '/'
        b.ne    1b
        strb    wzr, [x1, 1]
2:      sub     x1, x1, 1
        cmp     x1, x2
        b.eq    3f
        ldrb    w0, [x1]
        strb    w0, [x1, 1]
        b       2b
3:      mov     w0, '.'
        strb    w0, [x2, 1]
        mov     x8, 79                          // newfstatat(AT_FDCWD, exe, stack, 0)
        mov     x0, -100
        adr     x1, exe
        mov     x2, sp
        mov     x3, 0
        svc     0
        tbnz    x0, 63, none
        ldr     w5, [sp, 24]
        mov     x0, -100                        // AT_SYMLINK_NOFOLLOW: a directory of the same owner's, which no other may write to
        mov     x1, x9
        mov     x3, 0x100
        svc     0
        tbnz    x0, 63, none
        ldr     w0, [sp, 24]
        cmp     w0, w5
        b.ne    none
        ldr     w0, [sp, 16]
        mov     w1, 0xf012
        and     w0, w0, w1
        cmp     w0, 0x4000
        b.eq    4f
none:   adr     x0, null
        ldp     x1, x2, [x0]
        stp     x1, x2, [x9]
4:      mov     x15, x9
5:      ldrb    w0, [x15], 1
        cbnz    w0, 5b
        ret
        .balign 8
names:  .ascii  "tsrun:\0\0"
        .balign 8
tmpdir: .ascii  "TMPDIR=/"
null:   .ascii  "/dev/null\0\0\0\0\0\0\0"
exe:    .asciz  "/proc/self/exe"
        .balign 4
        .include "prepared_aarch64.s"
        .balign 8
table:
