# The executor on aarch64; see executor_x86_64.s for what it does and how a record is laid out.
# x19 holds the record.

        .set    ARENA, 0x10000000
        .set    ARENA_SIZE, 0x1000000

        .text
        .globl  _start
_start: mov     x8, #222                        // mmap(ARENA, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, memory, 0)
        mov     x0, #ARENA
        mov     x1, #ARENA_SIZE
        mov     x2, #3
        mov     x3, #0x11
        ldr     w4, memory
        mov     x5, #0
        svc     #0
        sub     sp, sp, #16
wait:   mov     x8, #63                         // read(channel, stack, 8): the first record of a batch
        ldr     w0, channel
        mov     x1, sp
        mov     x2, #8
        svc     #0
        cmp     x0, #8
        b.ne    gone
        ldr     x19, [sp]
record: ldp     w8, w20, [x19]
        ldp     x0, x1, [x19, #8]
        ldp     x2, x3, [x19, #24]
        ldp     x4, x5, [x19, #40]
        tbz     w20, #0, 1f
        ldr     x0, [x0]
1:      tbz     w20, #1, 2f
        ldr     x1, [x1]
2:      tbz     w20, #2, 3f
        ldr     x2, [x2]
3:      tbz     w20, #3, 4f
        ldr     x3, [x3]
4:      tbz     w20, #4, 5f
        ldr     x4, [x4]
5:      tbz     w20, #5, 6f
        ldr     x5, [x5]
6:      cmn     w8, #1
        b.eq    stop
        cmn     w8, #2
        b.eq    7f
        svc     #0
7:      str     x0, [x19, #56]
        cmp     x0, #0
        b.lt    error
        b.eq    next
        ldr     x1, [x19, #72]
        cbnz    x1, jump
next:   add     x19, x19, #80
        b       record
error:  ldr     x1, [x19, #64]
        cbz     x1, stop
jump:   mov     x19, x1
        b       record
stop:   str     x19, [sp]                       // write(channel, stack, 8): the record where it stopped
        mov     x8, #64
        ldr     w0, channel
        mov     x1, sp
        mov     x2, #8
        svc     #0
        cmp     x0, #8
        b.eq    wait
gone:   mov     x0, #1                          // nobody drives it, or nobody hears it: exit_group(1)
quit:   mov     x8, #94
        svc     #0
        brk     #0                              // a filter forbids that: a trap ends it
        .globl  ended
ended:  add     x0, x0, #128                    // the handler of signals that end it: exit_group(128 + signal)
        b       quit
channel: .word  0                               // both filled in by tsrun when it starts an executor
memory: .word   0
