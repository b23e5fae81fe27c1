// The prepared commands on aarch64: see prepared_x86_64.s, which does the same.
//
// x19, x20: as in entry_aarch64.s; x21: struct stat, and the slots; x22: the effective user; x23: the file; x24: the slots;
// x25: the record.

        .set    DATA, 0x10000000
        .set    PROGRAM, 0x10100000
        .set    SLOTS, 2048                     // of ffi/prepared.ts
        .set    SLOT_COUNT, 12
        .set    ROOT, 1*8
        .set    START, 3
        .set    KILL, 4
        .set    ID, 7*8
        .set    SIGNAL, 8*8
        .set    RUNTIME_DIR, 9*8
        .set    ROOT_FD, 10*8
        .set    DIR_FD, 11*8

prepared:
        ldr     x0, [x20, 112]
        cbz     x0, engine
        mov     x21, sp
        add     x24, x21, SLOTS
        mov     x1, 0
1:      str     xzr, [x24, x1]
        add     x1, x1, 8
        cmp     x1, SLOT_COUNT*8
        b.ne    1b
        adr     x0, names
        ldp     w10, w11, [x0]                  // "tsru", "n:"
        ldr     x12, [x19]                      // how many arguments
        add     x13, x19, 8                     // and where
        add     x14, x13, x12, lsl 3
        add     x14, x14, 8
1:      ldr     x1, [x14], 8                    // a variable that the engine's way has to look at?
        cbz     x1, line
        ldr     w0, [x1]
        cmp     w0, w10
        b.ne    2f
        ldrh    w0, [x1, 4]
        cmp     w0, w11
        b.ne    2f
        add     x1, x1, 6
2:      add     x8, x20, 120
        bl      match
        b.ne    1b
        ldrb    w0, [x8, 7]
        cbz     w0, engine
        str     x1, [x24, x0, lsl 3]
        b       1b
line:   mov     x14, 1                          // global flags, up to the command
1:      cmp     x14, x12
        b.hs    engine
        ldr     x1, [x13, x14, lsl 3]
        add     x8, x20, 136
        bl      match
        b.ne    engine
        ldrb    w0, [x8, 7]
        str     x1, [x24, x0, lsl 3]
        ldrb    w2, [x8, 6]
        add     x14, x14, x2
        cmp     w0, START
        b.lo    1b
        cmp     x14, x12                        // the container's id
        b.hs    engine
        ldr     x1, [x13, x14, lsl 3]
        ldrb    w2, [x1]
        cmp     w2, '-'
        b.eq    engine
        str     x1, [x24, ID]
        add     x14, x14, 1
        cmp     w0, KILL
        b.ne    2f
        mov     x0, 15                          // SIGTERM
        str     x0, [x24, SIGNAL]
        cmp     x14, x12
        b.eq    2f
        ldr     x1, [x13, x14, lsl 3]
        add     x14, x14, 1
        add     x8, x20, 152
        bl      match
        b.ne    engine
        ldrb    w0, [x8, 7]
        str     x0, [x24, SIGNAL]
2:      cmp     x14, x12
        b.ne    engine
        ldr     x1, [x24, ROOT]
        cbz     x1, 3f
        str     xzr, [x24, RUNTIME_DIR]         // matters for the usual root only
        b       open
3:      ldr     x1, [x20, 168]
        add     x1, x1, x20
        str     x1, [x24, ROOT]
open:   mov     x0, -1
        str     x0, [x24, ROOT_FD]
        str     x0, [x24, DIR_FD]
        mov     x23, -1
        mov     x8, 175                         // geteuid()
        svc     0
        mov     w22, w0
        mov     x0, -100                        // AT_FDCWD; O_PATH|O_DIRECTORY|O_CLOEXEC
        ldr     x1, [x24, ROOT]
        mov     w2, 0x4000
        movk    w2, 0x28, lsl 16
        bl      look
        str     x0, [x24, ROOT_FD]
        cmp     x0, 2                           // a standard stream is closed: its number is no place for files
        b.le    undo
        ldr     w1, [x21, 16]                   // st_mode
        ldr     w2, [x21, 24]                   // st_uid
        cbz     w2, 1f
        cmp     w2, w22
        b.ne    undo
1:      tbnz    w1, 1, undo
        ldr     x1, [x24, ID]                   // O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC
        mov     w2, 0xc000
        movk    w2, 0x8, lsl 16
        bl      look
        str     x0, [x24, DIR_FD]
        tbnz    x0, 63, undo
        ldr     w2, [x21, 24]
        cmp     w2, w22
        b.ne    undo
        ldr     w1, [x21, 16]
        mov     w2, 0x12
        tst     w1, w2
        b.ne    undo
        adr     x1, file                        // O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC
        mov     w2, 0x8800
        movk    w2, 0x8, lsl 16
        bl      look
        mov     x23, x0
        tbnz    x0, 63, undo
        ldr     w2, [x21, 24]
        cmp     w2, w22
        b.ne    undo
        ldr     w1, [x21, 16]
        mov     w2, 0x8180                      // S_IFREG, 0600
        cmp     w1, w2
        b.ne    undo
        mov     x0, DATA                        // mmap(DATA, size, PROT_READ, MAP_PRIVATE|MAP_FIXED_NOREPLACE, file, 0)
        ldr     x1, [x21, 48]                   // st_size
        mov     x2, 1
        mov     w3, 2
        movk    w3, 0x10, lsl 16
        mov     x4, x23
        mov     x5, 0
        mov     x8, 222
        svc     0
        mov     x1, DATA
        cmp     x0, x1
        b.ne    undo
        ldp     x0, x1, [x1]                    // of this build, and whole?
        ldr     x2, [x20, 112]
        cmp     x0, x2
        b.ne    unmap
        ldr     x2, [x21, 48]
        cmp     x1, x2
        b.ne    unmap
        mov     x26, PROGRAM                    // the same, of memory that can be written to
        mov     x0, x26
        ldr     x1, [x20, 176]
        mov     x2, 3
        mov     w3, 0x22
        movk    w3, 0x10, lsl 16
        mov     x4, -1
        svc     0
        cmp     x0, x26
        b.ne    unmap
        ldp     x2, x1, [x20, 176]
        add     x1, x1, x20
1:      ldr     x3, [x1], 8
        str     x3, [x0], 8
        subs    x2, x2, 8
        b.gt    1b
        add     x1, x26, 16
        mov     x2, 0
1:      ldr     x0, [x24, x2]
        str     x0, [x1, x2]
        add     x2, x2, 8
        cmp     x2, SLOT_COUNT*8
        b.ne    1b
        ldr     x25, [x26]                      // the first record
record: ldp     w8, w9, [x25]
        ldp     x0, x1, [x25, 8]
        ldp     x2, x3, [x25, 24]
        ldp     x4, x5, [x25, 40]
        tbz     w9, 0, 1f
        ldr     x0, [x0]
1:      tbz     w9, 1, 2f
        ldr     x1, [x1]
2:      tbz     w9, 2, 3f
        ldr     x2, [x2]
3:      tbz     w9, 3, 4f
        ldr     x3, [x3]
4:      tbz     w9, 4, 5f
        ldr     x4, [x4]
5:      tbz     w9, 5, 6f
        ldr     x5, [x5]
6:      cmn     w8, 1
        b.eq    stop
        cmn     w8, 2
        b.eq    result
        cmn     w8, 3
        b.eq    compare
        cmn     w8, 4
        b.eq    copies
        svc     0
result: str     x0, [x25, 56]
        cmp     x0, 0
        b.lt    1f
        b.eq    2f
        ldr     x0, [x25, 72]
        cbnz    x0, jump
2:      add     x25, x25, 80
        b       record
1:      ldr     x0, [x25, 64]
        cbz     x0, stop
jump:   mov     x25, x0
        b       record
compare:
        mov     x3, x0
        mov     x0, 0
1:      cbz     x2, result
        ldrb    w4, [x3], 1
        ldrb    w5, [x1], 1
        sub     x2, x2, 1
        cmp     w4, w5
        b.eq    1b
        mov     x0, -1
        b       result
copies: mov     x3, x0
        mov     x0, 0
1:      cbz     x2, result
        ldrb    w4, [x1], 1
        strb    w4, [x3], 1
        sub     x2, x2, 1
        b       1b
stop:   ldr     x25, [x26, 8]                   // closes what the records have opened: how many there may be, and where
        ldr     x27, [x25], 8
1:      cbz     x27, unmap
        sub     x27, x27, 1
        ldr     x0, [x25], 8
        ldr     w0, [x0]
        mov     x8, 57
        svc     0
        b       1b
unmap:  mov     x0, DATA                        // both
        mov     x1, 2*(PROGRAM-DATA)
        mov     x8, 215
        svc     0
undo:   mov     x8, 57
        mov     x0, x23
        svc     0
        ldr     x0, [x24, DIR_FD]
        svc     0
        ldr     x0, [x24, ROOT_FD]
        svc     0
        b       engine
look:   mov     x3, 0                           // x0: openat(x0, x1, w2), with its struct stat, or below 0
        mov     x8, 56
        svc     0
        tbnz    x0, 63, 1f
        mov     x9, x0
        mov     x1, x21
        mov     x8, 80                          // fstat(file, stack)
        svc     0
        mov     x0, x9
1:      ret
match:  mov     x2, x1                          // finds the row of a list at x8 that x1 begins with; x1: what follows
        ldp     x9, x8, [x8]
        add     x8, x8, x20
1:      cbz     x9, 4f
        sub     x9, x9, 1
        mov     x1, x2
        ldr     w3, [x8]
        add     x3, x3, x20
        ldrh    w4, [x8, 4]
2:      ldrb    w5, [x1], 1
        ldrb    w6, [x3], 1
        cmp     w5, w6
        b.ne    3f
        subs    w4, w4, 1
        b.ne    2b
        ret                                     // equal
3:      add     x8, x8, 8
        b       1b
4:      cmp     x20, 0                          // not equal
        ret
file:   .asciz  "prepared"
