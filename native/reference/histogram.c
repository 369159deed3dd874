#include "histogram.h"

/* The highest value of a bucket. */
static uint64_t ceiling(unsigned bucket) {
    if (bucket < 2u << HISTOGRAM_LINEAR) {
        return bucket;
    }
    unsigned shift = (bucket >> HISTOGRAM_LINEAR) - 1;
    uint64_t leading = bucket - ((uint64_t) shift << HISTOGRAM_LINEAR);
    return ((leading + 1) << shift) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double percent) {
    double exact = percent / 100 * (double) h->count;
    uint64_t wanted = (uint64_t) exact + ((double) (uint64_t) exact < exact); /* rounded up, without libm */
    uint64_t seen = 0;
    for (unsigned i = 0; wanted && i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted) {
            return ceiling(i) < h->most ? ceiling(i) : h->most;
        }
    }
    return h->most;
}
