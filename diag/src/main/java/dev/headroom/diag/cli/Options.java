package dev.headroom.diag.cli;

import java.util.function.Consumer;

import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.IGetter;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * The options of a command, declared in code. picocli reads them from annotations just as well, but takes four times as
 * long to start, by 50 ms: too long for what somebody types and waits for.
 */
final class Options {
    private final CommandSpec spec;

    private Options(CommandSpec spec) {
        this.spec = spec;
    }

    /** @param command a Runnable or a Callable; what picocli's annotations say of it is not looked at */
    static Options of(String name, Object command) {
        return new Options(CommandSpec.wrapWithoutInspection(command).name(name));
    }

    CommandSpec spec() {
        return spec;
    }

    /** An option without a value. */
    Options flag(String name, Consumer<Boolean> set) {
        spec.addOption(bound(OptionSpec.builder(name).arity("0"), boolean.class, set).build());
        return this;
    }

    /** An option with a value. */
    <T> Options value(String name, Class<T> type, ITypeConverter<T> converter, Consumer<T> set) {
        spec.addOption(valued(name, type, converter, set).build());
        return this;
    }

    /** An option with a value that it has also where it is not given. */
    <T> Options value(String name, String otherwise, Class<T> type, ITypeConverter<T> converter, Consumer<T> set) {
        spec.addOption(valued(name, type, converter, set).defaultValue(otherwise).build());
        return this;
    }

    /** An option that may come without its value. */
    <T> Options optionalValue(String name, String alone, Class<T> type, ITypeConverter<T> converter, Consumer<T> set) {
        spec.addOption(valued(name, type, converter, set).arity("0..1").fallbackValue(alone).build());
        return this;
    }

    private static <T> OptionSpec.Builder valued(String name, Class<T> type, ITypeConverter<T> converter,
            Consumer<T> set) {
        return bound(OptionSpec.builder(name).arity("1").converters(converter), type, set);
    }

    /** The one word that is no option. */
    <T> Options word(String label, Class<T> type, ITypeConverter<T> converter, Consumer<T> set) {
        return positional(
                PositionalParamSpec.builder().index("0").required(true).arity("1").paramLabel(label)
                        .converters(converter),
                type, set);
    }

    /** All words that are no options; at least one. */
    Options words(String label, Consumer<String[]> set) {
        return positional(PositionalParamSpec.builder().index("0..*").required(true).arity("1..*").paramLabel(label),
                String[].class,
                set);
    }

    private static <T> OptionSpec.Builder bound(OptionSpec.Builder builder, Class<T> type, Consumer<T> set) {
        Bound<T> bound = new Bound<>(set);
        return builder.type(type).getter(bound).setter(bound);
    }

    private <T> Options positional(PositionalParamSpec.Builder builder, Class<T> type, Consumer<T> set) {
        Bound<T> bound = new Bound<>(set);
        spec.addPositional(builder.type(type).getter(bound).setter(bound).build());
        return this;
    }

    /** What every command has. One that annotations describe may have its own. */
    static void standard(CommandLine command, Consumer<Boolean> debug) {
        CommandSpec spec = command.getCommandSpec();
        if (spec.findOption("--help") == null) {
            spec.addOption(bound(OptionSpec.builder("-h", "--help").arity("0").usageHelp(true), boolean.class, v -> {
            }).build());
        }
        if (spec.findOption("--version") == null) {
            spec.versionProvider(new Version());
            spec.addOption(bound(OptionSpec.builder("-V", "--version").arity("0").versionHelp(true), boolean.class,
                    v -> {
                    }).build());
        }
        new Options(spec).flag("--debug", debug);
        command.getSubcommands().values().forEach(sub -> standard(sub, debug));
    }

    /** Keeps a value and hands it on. picocli sets an option that is not given to null. */
    private static final class Bound<V> implements IGetter, ISetter {
        private final Consumer<V> set;
        private Object value;

        Bound(Consumer<V> set) {
            this.set = set;
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T get() {
            return (T) value;
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T set(T now) {
            Object before = value;
            value = now;
            if (now != null) {
                set.accept((V) now);
            }
            return (T) before;
        }
    }
}
