package dev.headroom.proc;

/**
 * A set of ports that is small while it holds few: a connection costs 2 to 4 bytes, and never more than 8 KiB in all.
 * <p>
 * <b>Not thread-safe.</b>
 */
final class PortSet {
    private static final int BITS_FROM = 4096;

    private char[] table = new char[4];
    private long[] bits;
    private int size;
    private boolean zero;

    /** Adds a port; one that is in it already changes nothing. */
    void add(int port) {
        if (bits != null) {
            long bit = 1L << port;
            if ((bits[port >> 6] & bit) == 0) {
                bits[port >> 6] |= bit;
                size++;
            }
        } else if (port == 0) {
            size += zero ? 0 : 1;
            zero = true;
        } else if (put(table, port)) {
            size++;
            if (4 * size > 3 * table.length) {
                grow();
            }
        }
    }

    private static boolean put(char[] to, int port) {
        int mask = to.length - 1;
        for (int i = port * 0x9E3779B1 >>> 16 & mask;; i = i + 1 & mask) {
            if (to[i] == port) {
                return false;
            }
            if (to[i] == 0) {
                to[i] = (char) port;
                return true;
            }
        }
    }

    private void grow() {
        char[] old = table;
        if (old.length == BITS_FROM) {
            table = null;
            bits = new long[1024];
            bits[0] = zero ? 1 : 0;
            for (char port : old) {
                if (port != 0) {
                    bits[port >> 6] |= 1L << port;
                }
            }
            return;
        }
        table = new char[old.length * 2];
        for (char port : old) {
            if (port != 0) {
                put(table, port);
            }
        }
    }

    int size() {
        return size;
    }
}
