package dev.headroom.linux;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Holds what Java declares against what {@code native/abi} printed. Both are a name, "constant EPOLLIN", and what is
 * said of it, "0x1 4". Each difference is a line like {@code bad EPOLLIN: java 0x2 4 != c 0x1 4}.
 */
final class AbiComparer {
    private static final Set<String> KINDS = Set.of("constant", "sizeof", "field", "function", "errno", "alias",
            "absent");

    private AbiComparer() {
    }

    /**
     * @param java what {@link JavaDeclarations} found
     * @param c the lines of the probe
     * @param exceptions items that the headers may lack, each with the reason
     * @return the complaints, empty if both agree
     */
    static List<String> compare(Map<String, String> java, List<String> c, Map<String, String> exceptions) {
        List<String> complaints = new ArrayList<>();
        Map<String, String> probed = new LinkedHashMap<>();
        Set<String> absent = new HashSet<>();
        for (String line : c) {
            String[] words = line.split(" ", 3);
            if (words.length < 3 || !KINDS.contains(words[0])) {
                complaints.add("bad line of the probe: " + line);
            } else if (words[0].equals("absent")) {
                absent.add(words[1] + " " + words[2]);
            } else if (probed.put(words[0] + " " + words[1], words[2]) != null) {
                complaints.add("bad " + words[1] + ": the probe prints it twice");
            }
        }
        for (String item : absent) {
            if (!exceptions.containsKey(item)) {
                complaints.add("bad " + name(item) + ": these headers lack it, and no exception says why");
            }
            if (!java.containsKey(item)) {
                complaints.add("bad " + name(item) + ": in c only");
            }
        }
        for (String item : exceptions.keySet()) {
            if (!java.containsKey(item)) {
                complaints.add("bad " + name(item) + ": an exception for what java does not declare");
            }
        }
        new TreeMap<>(java).forEach((item, said) -> {
            String saidByC = probed.remove(item);
            if (saidByC == null) {
                if (!absent.contains(item)) {
                    complaints.add("bad " + name(item) + ": in java only");
                }
            } else if (!agree(item, said, saidByC)) {
                complaints.add("bad " + name(item) + ": java " + said + " != c " + saidByC);
            }
        });
        probed.keySet().forEach(item -> complaints.add("bad " + name(item) + ": in c only"));
        return complaints;
    }

    private static String name(String item) {
        return item.substring(item.indexOf(' ') + 1);
    }

    private static boolean agree(String item, String java, String c) {
        return switch (item.substring(0, item.indexOf(' '))) {
            case "function" -> agreeOnFunction(java, c);
            // The size of the field comes second; Java declares the offset alone.
            case "field" -> java.equals(c.split(" ")[0]);
            default -> java.equals(c);
        };
    }

    /** Java writes {@code int(int,long)}, C {@code s4(s4,p8)}. */
    private static boolean agreeOnFunction(String java, String c) {
        Map<String, Set<String>> parameter = new HashMap<>();
        parameter.put("int", Set.of("s4", "u4"));
        parameter.put("long", Set.of("s8", "u8", "p8"));
        // A negative result means failure, so an unsigned one would be misread.
        Map<String, Set<String>> result = Map.of("int", Set.of("s4"), "long", Set.of("s8", "p8"));
        String javaResult = java.substring(0, java.indexOf('('));
        String cResult = c.substring(0, c.indexOf('('));
        if (!result.getOrDefault(javaResult, Set.of()).contains(cResult)) {
            return false;
        }
        String[] javaParameters = parameters(java);
        String[] cParameters = parameters(c);
        if (javaParameters.length != cParameters.length) {
            return false;
        }
        for (int i = 0; i < cParameters.length; i++) {
            // What stands for the dots depends on the operation; the headers say nothing of it.
            boolean dots = cParameters[i].equals("...");
            if (!dots && !parameter.getOrDefault(javaParameters[i], Set.of()).contains(cParameters[i])) {
                return false;
            }
        }
        return true;
    }

    private static String[] parameters(String signature) {
        String inside = signature.substring(signature.indexOf('(') + 1, signature.length() - 1);
        return inside.isEmpty() ? new String[0] : inside.split(",");
    }
}
