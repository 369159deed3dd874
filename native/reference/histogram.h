/* A log-linear histogram of nanoseconds: 128 buckets for each power of two, so a value is off by less than 0.8 %. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_LINEAR = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_LINEAR + 1) << HISTOGRAM_LINEAR };

struct histogram {
    uint64_t count;
    uint64_t most;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Below 256 each value has its own bucket; above, the leading 8 bits and the magnitude choose one. */
static inline unsigned histogram_bucket(uint64_t value) {
    if (value < 2u << HISTOGRAM_LINEAR) {
        return (unsigned) value;
    }
    unsigned shift = 63u - (unsigned) __builtin_clzll(value) - HISTOGRAM_LINEAR;
    return (shift << HISTOGRAM_LINEAR) + (unsigned) (value >> shift);
}

static inline void histogram_record(struct histogram *h, uint64_t value) {
    h->buckets[histogram_bucket(value)]++;
    h->count++;
    if (value > h->most) {
        h->most = value;
    }
}

/* The value that this percentage of the values does not exceed, rounded up within its bucket; 0 if there are none. */
uint64_t histogram_percentile(const struct histogram *h, double percent);

#endif
