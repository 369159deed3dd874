package dev.headroom.linux;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the classes of dev.headroom.linux declare of C, found by reflection. */
final class JavaDeclarations {
    private JavaDeclarations() {
    }

    /** Every class of the package, from the directory that the compiler wrote. */
    static List<Class<?>> classes() throws IOException {
        try (Stream<Path> files = Files.list(home().resolve(CHeader.class.getPackageName().replace('.', '/')))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".class"))
                    .filter(name -> !name.startsWith("package-info")).sorted()
                    .<Class<?>>map(name -> load(name.substring(0, name.length() - ".class".length()))).toList();
        }
    }

    private static Path home() {
        try {
            return Path.of(CHeader.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(CHeader.class.getPackageName() + "." + name, false, CHeader.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new AssertionError("there is a class file, but no class", e);
        }
    }

    /** The public static methods that make a system call, by the name of their C symbol. */
    static Map<String, Method> calls() throws IOException {
        Map<String, Method> calls = new TreeMap<>();
        for (Class<?> type : classes()) {
            for (Method method : type.getDeclaredMethods()) {
                if (isPublicStatic(method.getModifiers()) && isCall(method)) {
                    if (calls.put(symbol(method.getName()), method) != null) {
                        throw new AssertionError("two Java methods are called " + method.getName());
                    }
                }
            }
        }
        return calls;
    }

    private static boolean isCall(Method method) {
        return Arrays.asList(method.getParameterTypes()).contains(CallState.class);
    }

    private static boolean isPublicStatic(int modifiers) {
        return Modifier.isPublic(modifiers) && Modifier.isStatic(modifiers);
    }

    /** {@code epollCreate1} is epoll_create1. */
    static String symbol(String methodName) {
        return methodName.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    /** Everything that C must confirm, in the form that {@link AbiComparer} wants. */
    static Map<String, String> all() throws IOException {
        Map<String, String> all = new TreeMap<>();
        for (Class<?> type : classes()) {
            CHeader header = type.getAnnotation(CHeader.class);
            if (header != null) {
                numbers(type, header.struct()).forEach((item, said) -> putOnce(all, item, said));
            }
        }
        calls().forEach((symbol, method) -> putOnce(all, "function " + symbol, signature(method)));
        all.putAll(errnos());
        return all;
    }

    /** The public static final numbers of one class. */
    static Map<String, String> numbers(Class<?> type, String struct) {
        Map<String, String> numbers = new TreeMap<>();
        for (Field field : type.getDeclaredFields()) {
            if (!isPublicStatic(field.getModifiers())) {
                continue;
            }
            Object value;
            try {
                value = field.get(null);
            } catch (IllegalAccessException e) {
                throw new AssertionError(e);
            }
            if (!(value instanceof Number number)) {
                throw new AssertionError(field + " is no number: what should C say of it?");
            }
            String name = field.getName();
            if (struct.isEmpty() || !name.equals("SIZEOF") && name.equals(name.toUpperCase(Locale.ROOT))) {
                numbers.put("constant " + name, constant(number));
            } else if (name.equals("SIZEOF")) {
                numbers.put("sizeof " + struct, number.toString());
            } else {
                numbers.put("field " + struct + "." + name, number.toString());
            }
        }
        return numbers;
    }

    private static String constant(Number number) {
        return switch (number) {
            case Integer i -> "0x" + Integer.toHexString(i) + " 4";
            case Long l -> "0x" + Long.toHexString(l) + " 8";
            default -> number + " of " + number.getClass().getSimpleName();
        };
    }

    private static String signature(Method method) {
        Class<?>[] types = method.getParameterTypes();
        if (types[0] != CallState.class) {
            throw new AssertionError(method + " must take the CallState first");
        }
        return method.getReturnType() + Arrays.stream(types).skip(1).map(Class::getName)
                .collect(Collectors.joining(",", "(", ")"));
    }

    private static Map<String, String> errnos() {
        Map<String, String> errnos = new TreeMap<>();
        for (Errno errno : Errno.values()) {
            putOnce(errnos, "errno " + errno.number(), errno.name() + " " + errno.text());
        }
        for (Field field : Errno.class.getDeclaredFields()) {
            if (isPublicStatic(field.getModifiers()) && !field.isEnumConstant()) {
                try {
                    errnos.put("alias " + field.getName(), Integer.toString(((Errno) field.get(null)).number()));
                } catch (IllegalAccessException e) {
                    throw new AssertionError(e);
                }
            }
        }
        return errnos;
    }

    private static void putOnce(Map<String, String> items, String item, String said) {
        if (items.put(item, said) != null) {
            throw new AssertionError("Java declares " + item + " twice");
        }
    }
}
