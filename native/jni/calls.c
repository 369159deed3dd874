/*
 * Why not JNI? Because it would cost a C compiler on every machine that builds, a shared library for every architecture
 * and C library that runs, unpacked and loaded from somewhere, and a bug in it would be a crash. That is worth it only
 * if it were faster, and this file is here so that everybody can measure that it is not:
 *
 *     tests/benchmark/jmh Call
 *
 * Each function does what a careful binding would: primitive arguments alone, the address of memory outside the heap,
 * errno as a negative result, taken at once. So this is JNI at its best.
 */
#include <errno.h>
#include <jni.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nothing at all, as a plain C function: what FFM and JNR call to do nothing. */
long headroom_noop(void);

long headroom_noop(void) {
    return 0;
}

JNIEXPORT jlong JNICALL Java_dev_headroom_benchmark_Jni_noop(JNIEnv *env, jclass type) {
    (void) env;
    (void) type;
    return 0;
}

JNIEXPORT jint JNICALL Java_dev_headroom_benchmark_Jni_getppid(JNIEnv *env, jclass type) {
    (void) env;
    (void) type;
    return getppid();
}

JNIEXPORT jint JNICALL Java_dev_headroom_benchmark_Jni_epollWait(JNIEnv *env, jclass type, jint epfd, jlong events,
                                                                 jint maxevents, jint timeout) {
    (void) env;
    (void) type;
    int n = epoll_wait(epfd, (struct epoll_event *) (uintptr_t) events, maxevents, timeout);
    return n < 0 ? -errno : n;
}

JNIEXPORT jlong JNICALL Java_dev_headroom_benchmark_Jni_recv(JNIEnv *env, jclass type, jint fd, jlong buf, jlong len,
                                                             jint flags) {
    (void) env;
    (void) type;
    ssize_t n = recv(fd, (void *) (uintptr_t) buf, (size_t) len, flags);
    return n < 0 ? -errno : n;
}

JNIEXPORT jlong JNICALL Java_dev_headroom_benchmark_Jni_send(JNIEnv *env, jclass type, jint fd, jlong buf, jlong len,
                                                             jint flags) {
    (void) env;
    (void) type;
    ssize_t n = send(fd, (const void *) (uintptr_t) buf, (size_t) len, flags);
    return n < 0 ? -errno : n;
}
