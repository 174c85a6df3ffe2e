// SPDX-License-Identifier: MIT
/*
 * What survives a restart: a directory with a copy of every model that was loaded by a client,
 * under its name, and the policy that a client chose. A copy, so that it does not matter what became of the client's file. Written
 * beside and renamed, so that a crash leaves the old or the new, and never a part.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loomd.h"

#define SUFFIX ".loom"

int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t n;

	while (size) {
		n = write(fd, at, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* A file of the directory, under a name that is nobody's until all of it is there. */
static int replace(struct loomd *d, const char *file, const void *data, size_t size)
{
	char part[LOOM_PROTO_NAME_MAX + 16];
	int dir, fd, err;

	snprintf(part, sizeof(part), ".%s.part", file);
	mkdir(d->options.state, 0755);
	dir = open(d->options.state, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : write_all(fd, data, size);
	if (!err && fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err && renameat(dir, part, dir, file))
		err = -errno;
	if (err)
		unlinkat(dir, part, 0);
	else if (fsync(dir))
		err = -errno;
	close(dir);
	return err;
}

int state_save(struct loomd *d, const char *name, const void *data, size_t size)
{
	char file[LOOM_PROTO_NAME_MAX + sizeof(SUFFIX)];

	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	return replace(d, file, data, size);
}

void state_remove(struct loomd *d, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s" SUFFIX, d->options.state, name);
	if (unlink(path))
		log_text(LOG_WARNING, "%s: %s", path, strerror(errno));
}

static int is_model(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = sizeof(SUFFIX) - 1;

	return entry->d_name[0] != '.' && length > suffix &&
	       !strcmp(entry->d_name + length - suffix, SUFFIX);
}

int state_each(const char *dir, void (*fn)(struct loomd *d, const char *path, const char *name),
	       struct loomd *d)
{
	struct dirent **entries;
	int num = scandir(dir, &entries, is_model, alphasort);
	char path[4096], name[LOOM_PROTO_NAME_MAX];
	size_t length;

	if (num < 0)
		return -errno;
	for (int i = 0; i < num; i++) {
		length = strlen(entries[i]->d_name) - (sizeof(SUFFIX) - 1);
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		snprintf(name, sizeof(name), "%.*s", (int)length, entries[i]->d_name);
		if (length < sizeof(name) && proto_name_ok(name))
			fn(d, path, name);
		else
			log_text(LOG_WARNING, "%s: passed over, its name cannot be a model's",
				 path);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static void restore_one(struct loomd *d, const char *path, const char *name)
{
	struct proto_error e;

	if (model_find(d, name))
		return;		/* preloaded: that one is meant */
	if (load_path(d, path, name, true, &e))
		log_text(LOG_ERROR, "%s: %s", path, e.text);
}

void state_restore(struct loomd *d)
{
	int err = d->options.state ? state_each(d->options.state, restore_one, d) : 0;

	if (err && err != -ENOENT)
		log_text(LOG_ERROR, "--state %s: %s", d->options.state, strerror(-err));
}

/* ---- the policy ---- */

#define POLICY_FILE "policy"

int state_save_policy(struct loomd *d)
{
	char line[LOOM_PROTO_NAME_MAX + 1];

	snprintf(line, sizeof(line), "%.63s\n", d->policy);
	return replace(d, POLICY_FILE, line, strlen(line));
}

bool state_policy(struct loomd *d, char *policy, size_t size)
{
	char path[4096];
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "%s/" POLICY_FILE, d->options.state);
	f = fopen(path, "re");
	if (!f)
		return false;
	got = fgets(policy, (int)size, f) != NULL;
	fclose(f);
	if (got)
		policy[strcspn(policy, "\n")] = '\0';
	return got && policy[0];
}
