package dev.headroom.linux;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a class that repeats numbers of C headers. Its public upper-case constants have the C name and the C value.
 * With {@link #struct}, {@code SIZEOF} is the size of that structure in bytes and each lower-case constant the offset
 * of the field of that name. {@code native/abi} prints what the compiler says and a test compares.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface CHeader {
    /** The headers, as in {@code sys/epoll.h}. */
    String[] value();

    /** The C structure whose layout the class describes, without the word struct. */
    String struct() default "";
}
