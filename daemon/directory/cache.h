/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory's files, with C Tor's names, written by one thread in the order of the calls. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CEPA_CACHE_CERTS "cached-certs"
#define CEPA_CACHE_CONSENSUS "cached-microdesc-consensus"
#define CEPA_CACHE_UNVERIFIED_CONSENSUS "unverified-microdesc-consensus"
#define CEPA_CACHE_MICRODESCRIPTORS "cached-microdescs"
#define CEPA_CACHE_NEW_MICRODESCRIPTORS "cached-microdescs.new"
#define CEPA_CACHE_NS_CONSENSUS "cached-consensus"
#define CEPA_CACHE_UNVERIFIED_NS_CONSENSUS "unverified-consensus"
#define CEPA_CACHE_SERVER_DESCRIPTORS "cached-descriptors"
#define CEPA_CACHE_NEW_SERVER_DESCRIPTORS "cached-descriptors.new"

typedef struct _CepaCache CepaCache;

/* @context: where a failed write is logged from */
CepaCache *cepa_cache_new (const char *directory, GMainContext *context);

/* Waits until everything has been written. */
void cepa_cache_free (CepaCache *self);

/* Puts @content in the place of the file @name, all or nothing. */
void cepa_cache_write (CepaCache *self, const char *name, GBytes *content);

/**
 * cepa_cache_write_async:
 * @superseded: (nullable): a file that goes when @name has been written, and stays when it could not be
 *
 * As cepa_cache_write(); @callback comes to the thread's main context when it has been done. @self must live as long.
 */
void cepa_cache_write_async (CepaCache *self, const char *name, GBytes *content, const char *superseded,
                             GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full) (nullable): the file as it was written, mapped; NULL when it could not be: the log says why.
   @content: (out) (transfer full): what was to be written; nothing of the cache holds it any more */
GBytes *cepa_cache_write_finish (GAsyncResult *result, GBytes **content);

/* Adds @content to the end of the file @name. */
void cepa_cache_append (CepaCache *self, const char *name, GBytes *content);

void cepa_cache_remove (CepaCache *self, const char *name);

G_END_DECLS
