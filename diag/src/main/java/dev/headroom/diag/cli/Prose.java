package dev.headroom.diag.cli;

/** Text in lines of 80 columns. */
final class Prose {
    private Prose() {
    }

    /**
     * Adds a text, broken at blanks.
     *
     * @param first what the first line begins with
     * @param next what the others begin with
     */
    static void wrap(StringBuilder out, String first, String next, String text) {
        StringBuilder line = new StringBuilder(first);
        boolean empty = true;
        for (String word : text.split("\\s+")) {
            if (!empty && line.length() + 1 + word.length() > Terminal.WIDTH) {
                out.append(line.toString().stripTrailing()).append('\n');
                line = new StringBuilder(next);
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        out.append(line.toString().stripTrailing()).append('\n');
    }

    /** As it is if it fits, else its end cut off. */
    static String fit(String text, int width) {
        return text.length() <= width ? text : text.substring(0, width - 1) + "…";
    }
}
