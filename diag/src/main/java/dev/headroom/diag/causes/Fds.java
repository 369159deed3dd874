package dev.headroom.diag.causes;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Facts.Role;
import dev.headroom.diag.Finding;

/** What the descriptors of the process said of themselves: which of them can be the one that a call failed on. */
final class Fds {
    /** Those that make a write wait, and what each is. */
    private static final Map<Role, String> FULL = Map.of(Role.FULL_TCP, "TCP socket", Role.FULL_UDP, "UDP socket",
            Role.FULL_UNIX_STREAM, "unix stream", Role.FULL_UNIX_DGRAM, "unix datagram socket", Role.FULL_PIPE,
            "pipe");

    private Fds() {
    }

    static boolean known(Case c, Role role) {
        return c.number(role.fact()).isPresent();
    }

    static long count(Case c, Role... roles) {
        return Arrays.stream(roles).mapToLong(r -> c.number(r.fact()).orElse(0)).sum();
    }

    /** {@code descriptor 7<127.0.0.1:9999>}. */
    static String one(Case c, Role role) {
        return "descriptor " + c.text(role.example()).orElse("?");
    }

    /** Whether the descriptor of the call is known: its number was told, or its addresses. */
    static boolean named(Case c) {
        return c.text(Facts.FD_NAMED).filter("yes"::equals).isPresent();
    }

    /** Whether its number was told. */
    static boolean numbered(Case c) {
        return c.question().fd().isPresent() && c.now().fact(Facts.FD_ASKED).isPresent();
    }

    /** What would make it certain, to be appended: the number of the descriptor, or why none could be asked. */
    static String wanted(Case c, Role role) {
        return known(c, role) ? "; the descriptor of the call (--fd N) would make it certain"
                : c.now().unread().containsKey(role.fact()) ? "; " + c.now().whyUnread(role.fact()) : "";
    }

    /** Evidence of one role. */
    static String[] evidence(Role... roles) {
        return Arrays.stream(roles).map(Role::example).toArray(String[]::new);
    }

    /** Why a write on something of another kind cannot have failed for this one; empty if it can. */
    static Optional<Finding> notOfKind(Case c, Role role) {
        return c.text(Facts.FD_ASKED).filter(kind -> !kind.equals(FULL.get(role)))
                .map(kind -> Finding.ruledOut("descriptor " + c.question().fd().orElse(0) + " is a " + kind));
    }

    /** One of another kind that is full, in words. */
    static Optional<String> otherFull(Case c, Role role) {
        return FULL.keySet().stream().filter(r -> r != role && count(c, r) > 0).sorted().findFirst()
                .map(r -> one(c, r) + ", a " + FULL.get(r));
    }

    /**
     * Whether something of that kind makes a write wait.
     *
     * @param because what that means, as in "its reader is slow"
     */
    static Finding full(Case c, Role role, String because) {
        Optional<Finding> not = notOfKind(c, role);
        if (not.isPresent()) {
            return not.get();
        }
        if (!known(c, role)) {
            return Finding.possible(because + wanted(c, role));
        }
        String kind = FULL.get(role);
        Optional<String> other = otherFull(c, role);
        if (count(c, role) > 0) {
            String sentence = one(c, role) + ", a " + kind + ", takes nothing more: " + because;
            return other.map(o -> Finding.possible(sentence + "; but so does " + o + wanted(c, role)))
                    .orElseGet(() -> Finding.confirmed(sentence));
        }
        return other.map(o -> Finding.ruledOut("no " + kind + " of the process is full, and " + o + ", is"))
                .orElseGet(() -> Finding.possible(because + ", though no " + kind + " of the process is full now"));
    }

    /** The first of these roles that a descriptor has. */
    static Optional<Role> first(Case c, List<Role> roles) {
        return roles.stream().filter(r -> count(c, r) > 0).findFirst();
    }
}
