// SPDX-License-Identifier: MIT
/*
 * loom_ring_* where io_uring is forbidden: a submission is an ioctl with a syncobj, one epoll
 * descriptor is the place to sleep. Slower by a few system calls a submission; the same to the
 * caller.
 *
 * An eventfd, which the kernel writes when a syncobj is signalled (DRM_IOCTL_SYNCOBJ_EVENTFD, 6.6),
 * wakes the epoll; which submissions ended is then asked of their syncobjs.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "internal.h"

/* Newer than libdrm 2.4.114. */
struct syncobj_eventfd {
	uint32_t handle;
	uint32_t flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};
#define SYNCOBJ_EVENTFD DRM_IOWR(0xCF, struct syncobj_eventfd)

#define MAX_EVENTS 16

/* A submission from prep to reap, or (fd >= 0) a poll. */
struct entry {
	struct drm_loom_submit submit;
	struct drm_loom_job *jobs;
	struct loom_bo *own_results;	/* when the caller gave none: the status is in there */
	struct loom_bo *results;
	uint32_t syncobj;
	struct loom_ring_cqe cqe;
	int fd;
	struct entry *next;
};

struct list {
	struct entry *first, **last;
	unsigned int num;
};

struct ioctl_ring {
	struct loom_ring base;
	unsigned int entries;
	int epoll, eventfd;
	struct list prepared, under_way, done, polls;
};

static struct ioctl_ring *to_ioctl_ring(const struct loom_ring *ring)
{
	return (struct ioctl_ring *)ring;
}

/* ---- entries ---- */

static void list_init(struct list *list)
{
	list->first = NULL;
	list->last = &list->first;
	list->num = 0;
}

static void list_add(struct list *list, struct entry *entry)
{
	entry->next = NULL;
	*list->last = entry;
	list->last = &entry->next;
	list->num++;
}

static struct entry *list_take(struct list *list, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	if (list->last == &entry->next)
		list->last = at;
	list->num--;
	return entry;
}

static struct entry **list_find(struct list *list, uint64_t tag)
{
	struct entry **at;

	for (at = &list->first; *at; at = &(*at)->next)
		if ((*at)->cqe.tag == tag)
			return at;
	return NULL;
}

static void entry_free(struct ioctl_ring *ring, struct entry *entry)
{
	if (entry->syncobj) {
		loom_count_ioctl(ring->base.dev);
		drmSyncobjDestroy(loom_dev_fd(ring->base.dev), entry->syncobj);
	}
	loom_bo_destroy(entry->own_results);
	free(entry->jobs);
	free(entry);
}

static void list_free(struct ioctl_ring *ring, struct list *list)
{
	while (list->first)
		entry_free(ring, list_take(list, &list->first));
}

/* ---- submission ---- */

/* Syncobjs do not say whether the jobs failed; their results do. */
static int entry_results(struct ioctl_ring *ring, struct entry *entry, struct loom_bo *results)
{
	int err;

	entry->results = results;
	if (!results) {
		err = loom_bo_create(ring->base.dev,
				     entry->submit.num_jobs * sizeof(struct drm_loom_result),
				     &entry->own_results);
		if (err)
			return err;
		entry->results = entry->own_results;
		entry->submit.results_handle = entry->own_results->handle;
		entry->submit.results_offset = 0;
	}
	return loom_bo_map(entry->results) ? 0 : -ENOMEM;
}

static int ioctl_ring_prep(struct loom_ring *base, const struct drm_loom_submit *submit,
			   struct loom_bo *results, uint64_t tag)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	size_t size = submit->num_jobs * sizeof(struct drm_loom_job);
	struct entry *entry;
	int err;

	if (ring->prepared.num == ring->entries)
		return loom_fail(-EBUSY, "the ring is full: %u submissions wait for an enter",
				 ring->prepared.num);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return loom_fail(-ENOMEM, "out of memory");
	entry->submit = *submit;
	entry->cqe.tag = tag;
	err = -ENOMEM;
	entry->jobs = malloc(size);
	if (entry->jobs)
		err = entry_results(ring, entry, results);
	if (err) {
		entry_free(ring, entry);
		return err;
	}
	memcpy(entry->jobs, (const void *)(uintptr_t)submit->jobs, size);
	entry->submit.jobs = (uintptr_t)entry->jobs;
	list_add(&ring->prepared, entry);
	return 0;
}

static int submit_entry(struct ioctl_ring *ring, struct entry *entry)
{
	struct syncobj_eventfd wake = { .fd = ring->eventfd };
	struct loom_dev *dev = ring->base.dev;
	struct drm_loom_sync sync = { 0 };
	int err;

	loom_count_ioctl(dev);
	if (drmSyncobjCreate(loom_dev_fd(dev), 0, &entry->syncobj))
		return -errno;
	sync.handle = entry->syncobj;
	entry->submit.num_out_syncs = 1;
	entry->submit.out_syncs = (uintptr_t)&sync;
	err = loom_dev_ioctl(dev, DRM_IOCTL_LOOM_SUBMIT, &entry->submit);
	if (err)
		return err;
	wake.handle = entry->syncobj;
	loom_count_ioctl(dev);
	/* Without it the wait below still ends, at its time: say so rather than hang. */
	return drmIoctl(loom_dev_fd(dev), SYNCOBJ_EVENTFD, &wake) ? -errno : 0;
}

static int submit_prepared(struct ioctl_ring *ring)
{
	int num = ring->prepared.num;

	while (ring->prepared.first) {
		struct entry *entry = list_take(&ring->prepared, &ring->prepared.first);

		entry->cqe.res = submit_entry(ring, entry);
		list_add(entry->cqe.res ? &ring->done : &ring->under_way, entry);
	}
	return num;
}

/* ---- completion ---- */

static void read_results(struct entry *entry)
{
	const char *at = (const char *)entry->results->map + entry->submit.results_offset;
	const struct drm_loom_result *results = (const void *)at;
	unsigned int i;

	for (i = 0; i < entry->submit.num_jobs; i++) {
		if (results[i].end > entry->cqe.device_end)
			entry->cqe.device_end = results[i].end;
		if (!entry->cqe.res)
			entry->cqe.res = results[i].status;
	}
}

static void collect(struct ioctl_ring *ring)
{
	struct entry **at = &ring->under_way.first;
	int fd = loom_dev_fd(ring->base.dev);

	while (*at) {
		struct entry *entry = *at;

		loom_count_ioctl(ring->base.dev);
		if (drmSyncobjWait(fd, &entry->syncobj, 1, 0, 0, NULL)) {
			at = &entry->next;
			continue;
		}
		read_results(entry);
		list_add(&ring->done, list_take(&ring->under_way, at));
	}
}

/* Another descriptor is ready: a completion of its own. */
static int poll_ready(struct ioctl_ring *ring, const struct entry *poll, uint32_t events)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return loom_fail(-ENOMEM, "out of memory");
	entry->cqe.tag = poll->cqe.tag;
	entry->cqe.res = events;
	list_add(&ring->done, entry);
	return 0;
}

static uint64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Sleep until something happened: 0, or -ETIME. */
static int sleep_once(struct ioctl_ring *ring, uint64_t deadline)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t count, now = monotonic();
	uint64_t left = deadline > now ? deadline - now : 0;
	struct timespec ts = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	int i, err = 0;
	int num = epoll_pwait2(ring->epoll, events, MAX_EVENTS,
			       deadline == UINT64_MAX ? NULL : &ts, NULL);

	if (num < 0)
		return loom_fail(-errno, "epoll_wait: %s", strerror(errno));
	for (i = 0; i < num && !err; i++) {
		if (events[i].data.ptr)
			err = poll_ready(ring, events[i].data.ptr, events[i].events);
		else if (read(ring->eventfd, &count, sizeof(count)) == sizeof(count))
			collect(ring);
	}
	return num ? err : loom_fail(-ETIME, "no completion in time");
}

/* The descriptor is readable as long as completions wait: the eventfd is kept set for them. */
static void settle(struct ioctl_ring *ring)
{
	uint64_t count;

	if (read(ring->eventfd, &count, sizeof(count)) == sizeof(count))
		collect(ring);
	count = 1;
	if (ring->done.num && write(ring->eventfd, &count, sizeof(count)) < 0)
		loom_fail(-errno, "eventfd: %s", strerror(errno));
}

static int ioctl_ring_enter(struct loom_ring *base, unsigned int wait, uint64_t timeout_ns)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	uint64_t now = monotonic();
	uint64_t deadline = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
	int num, err = 0;

	base->stats.enters++;
	num = submit_prepared(ring);
	if (!wait)
		sleep_once(ring, 0);
	while (!err && ring->done.num < wait)
		err = sleep_once(ring, deadline);
	settle(ring);
	return err && !num ? err : num;
}

static int ioctl_ring_reap(struct loom_ring *base, struct loom_ring_cqe *cqe)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	struct entry *entry;

	if (!ring->done.first)
		return 0;
	entry = list_take(&ring->done, &ring->done.first);
	*cqe = entry->cqe;
	entry_free(ring, entry);
	if (!ring->done.num)
		settle(ring);
	return 1;
}

/* ---- cancel, poll ---- */

/* The jobs run to their end, as they do when io_uring cancels; only nobody hears of it. */
static int ioctl_ring_cancel(struct loom_ring *base, uint64_t tag)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	struct entry **at = list_find(&ring->under_way, tag);
	struct list *list = &ring->under_way;

	if (!at) {
		list = &ring->prepared;
		at = list_find(list, tag);
	}
	if (!at)
		return loom_fail(-ENOENT, "nothing under way has tag 0x%llx",
				 (unsigned long long)tag);
	(*at)->cqe.res = -ECANCELED;
	list_add(&ring->done, list_take(list, at));
	return 0;
}

static int ioctl_ring_fd(const struct loom_ring *ring)
{
	return to_ioctl_ring(ring)->epoll;
}

static int ioctl_ring_poll(struct loom_ring *base, int fd, uint64_t tag)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	struct entry *entry = calloc(1, sizeof(*entry));
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = entry };

	if (!entry)
		return loom_fail(-ENOMEM, "out of memory");
	entry->cqe.tag = tag;
	entry->fd = fd;
	if (epoll_ctl(ring->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(entry);
		return loom_fail(-errno, "cannot wait for descriptor %d: %s", fd, strerror(errno));
	}
	list_add(&ring->polls, entry);
	return 0;
}

static int ioctl_ring_poll_remove(struct loom_ring *base, uint64_t tag)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);
	struct entry **at = list_find(&ring->polls, tag);

	if (!at)
		return loom_fail(-ENOENT, "no poll has tag 0x%llx", (unsigned long long)tag);
	epoll_ctl(ring->epoll, EPOLL_CTL_DEL, (*at)->fd, NULL);
	entry_free(ring, list_take(&ring->polls, at));
	return 0;
}

/* ---- making and unmaking ---- */

static void ioctl_ring_destroy(struct loom_ring *base)
{
	struct ioctl_ring *ring = to_ioctl_ring(base);

	list_free(ring, &ring->prepared);
	list_free(ring, &ring->under_way);
	list_free(ring, &ring->done);
	list_free(ring, &ring->polls);
	if (ring->eventfd >= 0)
		close(ring->eventfd);
	if (ring->epoll >= 0)
		close(ring->epoll);
	free(ring);
}

static const struct loom_ring_ops ioctl_ring_ops = {
	.destroy = ioctl_ring_destroy,
	.prep = ioctl_ring_prep,
	.enter = ioctl_ring_enter,
	.reap = ioctl_ring_reap,
	.cancel = ioctl_ring_cancel,
	.fd = ioctl_ring_fd,
	.poll = ioctl_ring_poll,
	.poll_remove = ioctl_ring_poll_remove,
};

int loom_ring_ioctl_create(struct loom_dev *dev, unsigned int entries, struct loom_ring **out)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct ioctl_ring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return loom_fail(-ENOMEM, "out of memory");
	ring->base.ops = &ioctl_ring_ops;
	ring->base.dev = dev;
	ring->entries = entries;
	list_init(&ring->prepared);
	list_init(&ring->under_way);
	list_init(&ring->done);
	list_init(&ring->polls);
	ring->epoll = epoll_create1(EPOLL_CLOEXEC);
	ring->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->epoll < 0 || ring->eventfd < 0 ||
	    epoll_ctl(ring->epoll, EPOLL_CTL_ADD, ring->eventfd, &event)) {
		err = loom_fail(-errno, "cannot wait by epoll: %s", strerror(errno));
		ioctl_ring_destroy(&ring->base);
		return err;
	}
	*out = &ring->base;
	return 0;
}
