/* Loaded before libc into a process whose wall clock is to jump: the offset, in nanoseconds, is the eight bytes of the
 * file $STANDINGS_TEST_CLOCK, and may be changed at any time. The monotonic clock stays as it is, as it does when
 * somebody sets a machine's clock.
 *
 * Waits until a moment of the wall clock end when that clock shows it, as the kernel has it: so a clock that is set
 * back makes them longer (condition variables of the default clock; the program uses no others). They look at the clock
 * every 20 ms, and return as if woken, which any such wait may. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SLICE 20000000LL

static volatile int64_t none;
static volatile int64_t *offset = &none;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("STANDINGS_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int64_t nanos(const struct timespec *t) { return t->tv_sec * SECOND + t->tv_nsec; }

static struct timespec moment(int64_t n) { return (struct timespec){n / SECOND, n % SECOND}; }

int clock_gettime(clockid_t which, struct timespec *t) {
    REAL(clock_gettime);
    int code = real(which, t);
    if (!code && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) *t = moment(nanos(t) + *offset);
    return code;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
    (void)zone;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    *tv = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

int timespec_get(struct timespec *t, int base) {
    clock_gettime(CLOCK_REALTIME, t);
    return base;
}

/* The moment, on the machine's clock, to wait until now; 0 if `until` has come. */
static int64_t slice(const struct timespec *until) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t left = nanos(until) - nanos(&t);
    if (left <= 0) return 0;
    return nanos(&t) - *offset + (left < SLICE ? left : SLICE);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict until) {
    REAL(pthread_cond_timedwait);
    int64_t to = slice(until);
    struct timespec t = moment(to ? to : 1);
    int code = real(c, m, &t);
    return code == ETIMEDOUT && to ? 0 : code;
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until) {
    REAL(cnd_timedwait);
    int64_t to = slice(until);
    struct timespec t = moment(to ? to : 1);
    int code = real(c, m, &t);
    return code == thrd_timedout && to ? thrd_success : code;
}
