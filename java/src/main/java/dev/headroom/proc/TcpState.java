package dev.headroom.proc;

import dev.headroom.linux.TcpStates;

/** The state of a socket, of whatever protocol: sock_diag uses TCP's for all. */
public enum TcpState {
    TCP_ESTABLISHED(TcpStates.TCP_ESTABLISHED, "ESTAB"),
    TCP_SYN_SENT(TcpStates.TCP_SYN_SENT, "SYN-SENT"),
    TCP_SYN_RECV(TcpStates.TCP_SYN_RECV, "SYN-RECV"),
    TCP_FIN_WAIT1(TcpStates.TCP_FIN_WAIT1, "FIN-WAIT-1"),
    TCP_FIN_WAIT2(TcpStates.TCP_FIN_WAIT2, "FIN-WAIT-2"),
    TCP_TIME_WAIT(TcpStates.TCP_TIME_WAIT, "TIME-WAIT"),
    /** Not connected; the usual state of UDP. A TCP socket with a port is {@link #TCP_BOUND_INACTIVE} then. */
    TCP_CLOSE(TcpStates.TCP_CLOSE, "UNCONN"),
    TCP_CLOSE_WAIT(TcpStates.TCP_CLOSE_WAIT, "CLOSE-WAIT"),
    TCP_LAST_ACK(TcpStates.TCP_LAST_ACK, "LAST-ACK"),
    TCP_LISTEN(TcpStates.TCP_LISTEN, "LISTEN"),
    TCP_CLOSING(TcpStates.TCP_CLOSING, "CLOSING"),
    /** Owns a port, but neither listens nor is connected. Kernel 6.8; older ones show no such socket. */
    TCP_BOUND_INACTIVE(TcpStates.TCP_BOUND_INACTIVE, "BOUND-INACTIVE");

    private static final TcpState[] BY_NUMBER = new TcpState[32];

    static {
        for (TcpState state : values()) {
            BY_NUMBER[state.number] = state;
        }
    }

    private final int number;
    private final String ss;

    TcpState(int number, String ss) {
        this.number = number;
        this.ss = ss;
    }

    /** The number in C. */
    public int number() {
        return number;
    }

    /** As ss(8) writes it, e.g. "ESTAB" or "TIME-WAIT". */
    public String ss() {
        return ss;
    }

    /** A bit for each state. */
    static int mask(TcpState... states) {
        int mask = 0;
        for (TcpState state : states) {
            mask |= 1 << state.number;
        }
        return mask;
    }

    /** The state of that number; one that is not known here, e.g. of a younger kernel, counts as TCP_CLOSE. */
    static TcpState of(int number) {
        TcpState state = number < 0 || number >= BY_NUMBER.length ? null : BY_NUMBER[number];
        return state == null ? TCP_CLOSE : state;
    }
}
