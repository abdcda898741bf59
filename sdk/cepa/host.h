/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host gives every plugin: the table of services. Call it through cepa/services.h. */
#ifndef CEPA_HOST_H
#define CEPA_HOST_H

#include <glib.h>
#include <stdint.h>

#include <cepa/error.h>
#include <cepa/types.h>
#include <cepa/version.h>

G_BEGIN_DECLS

/* The tables that the host gives; each is a struct below or in the header that is named. */
typedef struct _CepaHost CepaHost;
typedef struct _CepaNetworkView CepaNetworkView;     /* cepa/network.h */
typedef struct _CepaVocabulary CepaVocabulary;       /* cepa/control.h */
typedef struct _CepaMetricsHost CepaMetricsHost;     /* cepa/metrics.h */
typedef struct _CepaPaddingHost CepaPaddingHost;     /* cepa/padding.h */
typedef struct _CepaTransportHost CepaTransportHost; /* cepa/transport.h */

/**
 * CepaHost:
 * @size: of this struct as the host knows it, bytes
 * @abi_major: the host's CEPA_ABI_MAJOR
 * @abi_minor: the host's CEPA_ABI_MINOR
 * @context: the host's own; not for plugins
 *
 * The table of services. Each instance has its own; it lives as long as the instance. Every function is for the
 * protocol thread alone: one that is called from another thread does nothing, and the plugin is stopped for it.
 * Nobody calls them but through the wrappers in cepa/services.h and cepa/loop.h, which say what each does, and know
 * what to do where a host does not have it.
 */
struct _CepaHost
{
  uint32_t size;
  uint16_t abi_major, abi_minor;
  void *context;

  /* cepa_host_log() */
  void (*log) (const CepaHost *self, CepaHostLogLevel level, const char *text);
  /* cepa_host_random() */
  void (*random) (const CepaHost *self, void *out, size_t len);
  /* cepa_host_monotonic_us() */
  int64_t (*monotonic_us) (const CepaHost *self);
  /* cepa_host_wall_s() */
  int64_t (*wall_s) (const CepaHost *self);
  /* cepa_host_option() */
  const char *const *(*option) (const CepaHost *self, const char *name);
  /* cepa_host_complete() */
  void (*complete) (const CepaHost *self, uint64_t task, GError *error);
  /* cepa_host_fail() */
  void (*fail) (const CepaHost *self, GError *error);
  /* cepa_host_timer_new() */
  uint64_t (*timer_new) (const CepaHost *self, CepaTimerFunc func, void *user_data);
  /* cepa_host_timer_set() */
  void (*timer_set) (const CepaHost *self, uint64_t timer, int64_t delay_us);
  /* cepa_host_timer_free() */
  void (*timer_free) (const CepaHost *self, uint64_t timer);
  /* cepa_host_watch_new() */
  uint64_t (*watch_new) (const CepaHost *self, int fd, uint32_t events, CepaWatchFunc func, void *user_data);
  /* cepa_host_watch_set() */
  void (*watch_set) (const CepaHost *self, uint64_t watch, uint32_t events);
  /* cepa_host_watch_free() */
  void (*watch_free) (const CepaHost *self, uint64_t watch);
  /* cepa_host_directory() */
  char *(*directory) (const CepaHost *self, GError **error);
  /* cepa_host_network() */
  const CepaNetworkView *(*network) (const CepaHost *self);

  const CepaVocabulary *vocabulary;   /* (nullable): for control plugins alone; cepa_vocabulary_get() and others */
  const CepaMetricsHost *metrics;     /* (nullable): for metrics plugins alone; cepa_metrics_want() and others */
  const CepaPaddingHost *padding;     /* (nullable): for padding plugins alone */
  const CepaTransportHost *transport; /* (nullable): for transport plugins alone; cepa_transport_connected() */

  /* Since 1.1: cepa_host_load_side_table() */
  void (*load_side_table) (const CepaHost *self, const char *name, const char *path, CepaDoneFunc done,
                           void *user_data);
};

G_END_DECLS

#endif
