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

typedef struct _CepaHost CepaHost;
typedef struct _CepaNetworkView CepaNetworkView;
typedef struct _CepaVocabulary CepaVocabulary;     /* cepa/control.h */
typedef struct _CepaMetricsHost CepaMetricsHost;   /* cepa/metrics.h */
typedef struct _CepaPaddingHost CepaPaddingHost;   /* cepa/padding.h */
typedef struct _CepaTransportHost CepaTransportHost; /* cepa/transport.h */

/**
 * CepaHost:
 * @size: of this struct as the host knows it, bytes
 * @abi_major: @abi_minor: the host's CEPA_ABI_MAJOR and CEPA_ABI_MINOR
 * @context: the host's own; not for plugins
 *
 * The table of services. Each instance has its own; it lives as long as the instance. Every function is for the
 * protocol thread alone: one that is called from another thread does nothing, and the plugin is stopped for it.
 * The wrappers in cepa/services.h say what each does, and know what an older host does not have.
 */
struct _CepaHost
{
  uint32_t size;
  uint16_t abi_major, abi_minor;
  void *context;

  /* cepa_host_log() and following */
  void (*log) (const CepaHost *self, CepaHostLogLevel level, const char *text);
  void (*random) (const CepaHost *self, void *out, size_t len);
  int64_t (*monotonic_us) (const CepaHost *self);
  int64_t (*wall_s) (const CepaHost *self);

  /* cepa_host_option() and following */
  const char *const *(*option) (const CepaHost *self, const char *name);

  /* cepa_host_complete(), cepa_host_fail() */
  void (*complete) (const CepaHost *self, uint64_t task, GError *error);
  void (*fail) (const CepaHost *self, GError *error);

  /* cepa_host_timer_new() and following */
  uint64_t (*timer_new) (const CepaHost *self, CepaTimerFunc func, void *user_data);
  void (*timer_set) (const CepaHost *self, uint64_t timer, int64_t delay_us);
  void (*timer_free) (const CepaHost *self, uint64_t timer);

  /* cepa_host_watch_new() and following */
  uint64_t (*watch_new) (const CepaHost *self, int fd, uint32_t events, CepaWatchFunc func, void *user_data);
  void (*watch_set) (const CepaHost *self, uint64_t watch, uint32_t events);
  void (*watch_free) (const CepaHost *self, uint64_t watch);

  /* cepa_host_directory(), cepa_host_network() */
  char *(*directory) (const CepaHost *self, GError **error);
  const CepaNetworkView *(*network) (const CepaHost *self);

  /* (nullable): for plugins of the kind alone */
  const CepaVocabulary *vocabulary;
  const CepaMetricsHost *metrics;
  const CepaPaddingHost *padding;
  const CepaTransportHost *transport;
};

G_END_DECLS

#endif
