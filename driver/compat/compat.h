/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver is written for the newest kernel; this is for older ones, by what driver/compat/probe
 * found out. When the driver is in the kernel this folder is not.
 */
#ifndef LOOM_COMPAT_H
#define LOOM_COMPAT_H

#include <linux/io_uring/cmd.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include <drm/drm_gem_shmem_helper.h>

#ifdef LOOM_HAVE_DRM_DRIVER_DATE
#define LOOM_DRM_DRIVER_DATE	.date = "20261122",
#else
#define LOOM_DRM_DRIVER_DATE
#endif

#ifdef LOOM_HAVE_IMPORT_NS_TOKEN
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

#ifdef LOOM_HAVE_DRM_GEM_VUNMAP_UNLOCKED
#define drm_gem_vunmap		drm_gem_vunmap_unlocked
#endif

#ifndef LOOM_HAVE_DRM_GEM_SHMEM_VMAP_LOCKED
#define drm_gem_shmem_vmap_locked	drm_gem_shmem_vmap
#endif

#ifndef LOOM_HAVE_IO_URING_CMD_DONE32
#define io_uring_cmd_done32	io_uring_cmd_done
#endif

#ifndef LOOM_HAVE_IO_URING_CMD_CTX_HANDLE
static inline void *io_uring_cmd_ctx_handle(struct io_uring_cmd *cmd)
{
	return cmd_to_io_kiocb(cmd)->ctx;
}
#endif

#ifndef LOOM_HAVE_IO_URING_SQE128_CMD
#define io_uring_sqe128_cmd(sqe, type)	((const type *)io_uring_sqe_cmd(sqe))
#endif

/* LOOM_URING_TASK_WORK(name, function): task work that calls function(cmd, issue_flags) */
#ifdef LOOM_HAVE_IO_TW_REQ
#define LOOM_URING_TASK_WORK(name, function)						\
static void name(struct io_tw_req req, io_tw_token_t tw)				\
{											\
	function(io_uring_cmd_from_tw(req), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS);	\
}
#else
#define LOOM_URING_TASK_WORK(name, function)						\
static void name(struct io_uring_cmd *cmd, unsigned int issue_flags)			\
{											\
	function(cmd, issue_flags);							\
}
#endif

#ifndef LOOM_HAVE_SYSTEM_DFL_WQ
#define system_dfl_wq		system_unbound_wq
#endif

#ifndef LOOM_HAVE_VMA_IS_COW_MAPPING
static inline bool vma_is_cow_mapping(const struct vm_area_struct *vma)
{
	return is_cow_mapping(vma->vm_flags);
}
#endif

#endif
