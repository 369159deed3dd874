package dev.headroom.diag.causes;

import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;

/**
 * What stands above a limit. The kernel asks with {@code capable()}, which means in the initial user namespace: a full
 * CapEff of a process in a namespace of its own is worth nothing to it.
 */
enum Capability {
    CAP_IPC_LOCK(14),
    CAP_SYS_ADMIN(21),
    CAP_SYS_RESOURCE(24),
    CAP_PERFMON(38);

    /** Whether a process has it where it counts. */
    enum Held {
        YES, NO, NAMESPACED, UNKNOWN
    }

    private final int bit;

    Capability(int bit) {
        this.bit = bit;
    }

    Held of(Case c) {
        Optional<String> mask = c.text(Facts.CAP_EFF);
        if (mask.isEmpty()) {
            return Held.UNKNOWN;
        }
        if ((Long.parseUnsignedLong(mask.get(), 16) >>> bit & 1) == 0) {
            return Held.NO;
        }
        return c.text(Facts.USERNS_INITIAL).map(own -> own.equals("yes") ? Held.YES : Held.NAMESPACED)
                .orElse(Held.UNKNOWN);
    }

    boolean heldBy(Case c) {
        return of(c) == Held.YES;
    }

    /** The first of them that the process has where it counts. */
    static Optional<Capability> anyHeldBy(Case c, Capability... all) {
        for (Capability one : all) {
            if (one.heldBy(c)) {
                return Optional.of(one);
            }
        }
        return Optional.empty();
    }

    /** Why the process has it not: continues "process 4711 (java) …". */
    String lack(Case c) {
        return switch (of(c)) {
            case NAMESPACED -> "has " + this + " only in a user namespace of its own (CapEff "
                    + c.text(Facts.CAP_EFF).orElse("") + "), and the kernel asks for it in the initial one";
            case NO -> (c.text(Facts.EUID).filter("0"::equals).isPresent() ? "is root but lacks " : "lacks ") + this
                    + " (bit " + bit + " of CapEff " + c.text(Facts.CAP_EFF).orElse("") + ")";
            case YES -> "has " + this;
            case UNKNOWN -> "may lack " + this + " (" + c.now().whyUnread(Facts.CAP_EFF) + ")";
        };
    }
}
