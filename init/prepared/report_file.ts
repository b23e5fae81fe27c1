/**
 * The file that a prepared `start` leaves in the container's directory where it has opened exec.fifo and did
 * not see the program start.
 * @module
 */

/** Its name. */
export const START_REPORT_FILE = "start.report";

/**
 * Its first word: the fifo was read to its end, and what it held follows; or the init ended without opening
 * the fifo.
 */
export const FIFO_READ = 0, INIT_GONE = 1;
