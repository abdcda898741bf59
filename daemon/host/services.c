/* SPDX-License-Identifier: BSD-3-Clause */
/* What plugins call: log, chance, time, options, timers, descriptors, files, the network. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "host/host-private.h"
#include "host/side-tables.h"

#define SERVICES_MAX_TEXT 500 /* characters of what a plugin says */
#define SERVICES_MAX_SOURCES 100000

/* A timer, or the watch of a descriptor. */
typedef struct
{
  CepaLoopWatch *source;
  int fd;      /* the plugin's; -1: a timer */
  int watched; /* a copy of it, ours: a plugin that closes its own too early harms nobody else's watch */
  CepaTimerFunc timer;
  CepaWatchFunc watch;
  gpointer user_data;
} ServicesSource;

/* ---- threads ---- */

typedef struct
{
  CepaPluginHost *host;
  CepaHostPlugin *plugin;
  const char *function;
} ServicesTrespass;

/* In the protocol thread. */
static gboolean
services_report_trespass (gpointer user_data)
{
  ServicesTrespass *trespass = user_data;
  g_autofree char *sentence = NULL;
  g_autoptr (GError) error = NULL;

  if (cepa_host_has (trespass->host, trespass->plugin))
    {
      sentence = g_strdup_printf ("it called %s from a thread of its own: only the protocol thread may call the host",
                                  trespass->function);
      cepa_host_plugin_violated (trespass->plugin, "wrong-thread", sentence);
      g_set_error_literal (&error, CEPA_ERROR, CEPA_ERROR_PLUGIN, sentence);
      cepa_host_plugin_fail (trespass->plugin, error);
    }
  return G_SOURCE_REMOVE;
}

gboolean
cepa_host_services_check_thread (CepaHostPlugin *self, const char *function)
{
  g_autoptr (GSource) source = NULL;
  ServicesTrespass *trespass;

  if (G_LIKELY (g_thread_self () == cepa_host_get_thread (self->host)))
    return TRUE;
  trespass = g_new0 (ServicesTrespass, 1);
  trespass->host = self->host;
  trespass->plugin = self;
  trespass->function = function;
  source = g_idle_source_new ();
  g_source_set_static_name (source, "plugin trespass");
  g_source_set_callback (source, services_report_trespass, trespass, g_free);
  g_source_attach (source, cepa_host_get_context (self->host));
  return FALSE;
}

/* ---- log, chance, time ---- */

static void
services_log (const CepaHost *services, CepaHostLogLevel level, const char *text)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);
  CepaLogSeverity severity = level == CEPA_HOST_LOG_WARNING  ? CEPA_LOG_WARN
                             : level == CEPA_HOST_LOG_NOTICE ? CEPA_LOG_NOTICE
                             : level == CEPA_HOST_LOG_INFO   ? CEPA_LOG_INFO
                                                             : CEPA_LOG_DEBUG;
  g_autofree char *line = NULL;

  if (!cepa_host_services_check_thread (self, "log") || text == NULL || !cepa_log_enabled (CEPA_LOG_PLUGIN, severity))
    return;
  line = cepa_escape_for_log (text, strlen (text), SERVICES_MAX_TEXT);
  cepa_log (CEPA_LOG_PLUGIN, severity, "%s: %s", cepa_host_plugin_get_id (self), line);
}

static void
services_random (const CepaHost *services, void *out, size_t len)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (cepa_host_services_check_thread (self, "random"))
    cepa_random_fill (cepa_host_get_random (self->host), out, len);
  else
    memset (out, 0, len);
}

static int64_t
services_monotonic_us (const CepaHost *services)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  return cepa_host_services_check_thread (self, "monotonic_us")
             ? cepa_clock_monotonic_us (cepa_host_get_clock (self->host))
             : 0;
}

static int64_t
services_wall_s (const CepaHost *services)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  return cepa_host_services_check_thread (self, "wall_s") ? cepa_clock_wall_s (cepa_host_get_clock (self->host)) : 0;
}

static const char *const *
services_option (const CepaHost *services, const char *name)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (!cepa_host_services_check_thread (self, "option") || self->values == NULL || name == NULL)
    return NULL;
  return g_hash_table_lookup (self->values, name);
}

/* ---- ends ---- */

static void
services_complete (const CepaHost *services, uint64_t task, GError *error)
{
  g_autoptr (GError) own = error;
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (cepa_host_services_check_thread (self, "complete"))
    cepa_host_plugin_completed (self, task, own);
}

static void
services_fail (const CepaHost *services, GError *error)
{
  g_autoptr (GError) own = error;
  g_autoptr (GError) reason = NULL;
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (!cepa_host_services_check_thread (self, "fail"))
    return;
  cepa_host_plugin_take_error (self, "it", own, &reason);
  cepa_host_plugin_fail (self, reason);
}

/* ---- timers and descriptors ---- */

static void
services_source_free (gpointer data)
{
  ServicesSource *self = data;

  cepa_loop_clear (&self->source);
  if (self->watched >= 0)
    close (self->watched);
  g_free (self);
}

static void
services_source_ready (gpointer user_data, GIOCondition revents)
{
  ServicesSource *self = user_data;
  guint32 events = 0;

  if (self->fd < 0)
    {
      self->timer (self->user_data);
      return;
    }
  events |= (revents & G_IO_IN) != 0 ? CEPA_WATCH_READ : 0;
  events |= (revents & G_IO_OUT) != 0 ? CEPA_WATCH_WRITE : 0;
  events |= (revents & (G_IO_ERR | G_IO_HUP | G_IO_NVAL)) != 0 ? CEPA_WATCH_ERROR : 0;
  self->watch (self->user_data, self->fd, events);
}

static guint64
services_source_new (CepaHostPlugin *self, int fd, const char *name, ServicesSource **out)
{
  ServicesSource *source;
  guint64 number;
  int watched = -1;

  if (g_hash_table_size (self->sources) >= SERVICES_MAX_SOURCES)
    {
      cepa_host_plugin_violated (self, "too-many-sources", "it asked for more timers and watches than any plugin needs");
      return 0;
    }
  if (fd >= 0 && (watched = fcntl (fd, F_DUPFD_CLOEXEC, 0)) < 0)
    {
      cepa_host_plugin_violated (self, "bad-descriptor", "it asked for a watch on a descriptor that is not open");
      return 0;
    }
  number = cepa_host_draw_number (self->host);
  source = g_new0 (ServicesSource, 1);
  source->fd = fd;
  source->watched = watched;
  source->source = cepa_loop_watch_fd (cepa_host_get_context (self->host), watched, name, services_source_ready, source);
  g_hash_table_insert (self->sources, g_memdup2 (&number, sizeof number), source);
  *out = source;
  return number;
}

/* (nullable): NULL counts against the plugin. */
static ServicesSource *
services_find_source (CepaHostPlugin *self, guint64 number, gboolean is_timer, const char *function)
{
  ServicesSource *source;
  g_autofree char *sentence = NULL;

  if (!cepa_host_services_check_thread (self, function))
    return NULL;
  source = g_hash_table_lookup (self->sources, &number);
  if (source != NULL && (source->fd < 0) == is_timer)
    return source;
  sentence = g_strdup_printf ("it called %s for a %s that there is not", function, is_timer ? "timer" : "watch");
  cepa_host_plugin_violated (self, "no-such-source", sentence);
  return NULL;
}

static uint64_t
services_timer_new (const CepaHost *services, CepaTimerFunc func, void *user_data)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);
  ServicesSource *source;
  guint64 number;

  if (!cepa_host_services_check_thread (self, "timer_new") || func == NULL
      || (number = services_source_new (self, -1, "plugin timer", &source)) == 0)
    return 0;
  source->timer = func;
  source->user_data = user_data;
  return number;
}

static void
services_timer_set (const CepaHost *services, uint64_t timer, int64_t delay_us)
{
  ServicesSource *source
      = services_find_source (cepa_host_plugin_from_services (services), timer, TRUE, "timer_set");

  if (source != NULL)
    cepa_loop_set_delay (source->source, delay_us);
}

static void
services_timer_free (const CepaHost *services, uint64_t timer)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (services_find_source (self, timer, TRUE, "timer_free") != NULL)
    g_hash_table_remove (self->sources, &timer);
}

static void
services_set_events (ServicesSource *source, guint32 events)
{
  cepa_loop_set_condition (source->source, ((events & CEPA_WATCH_READ) != 0 ? G_IO_IN : 0)
                                               | ((events & CEPA_WATCH_WRITE) != 0 ? G_IO_OUT : 0));
}

static uint64_t
services_watch_new (const CepaHost *services, int fd, uint32_t events, CepaWatchFunc func, void *user_data)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);
  ServicesSource *source;
  guint64 number;

  if (!cepa_host_services_check_thread (self, "watch_new") || func == NULL || fd < 0
      || (number = services_source_new (self, fd, "plugin watch", &source)) == 0)
    return 0;
  source->watch = func;
  source->user_data = user_data;
  services_set_events (source, events);
  return number;
}

static void
services_watch_set (const CepaHost *services, uint64_t watch, uint32_t events)
{
  ServicesSource *source
      = services_find_source (cepa_host_plugin_from_services (services), watch, FALSE, "watch_set");

  if (source != NULL)
    services_set_events (source, events);
}

static void
services_watch_free (const CepaHost *services, uint64_t watch)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (services_find_source (self, watch, FALSE, "watch_free") != NULL)
    g_hash_table_remove (self->sources, &watch);
}

/* ---- files, the network ---- */

static char *
services_directory (const CepaHost *services, GError **error)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);
  const char *data = cepa_host_get_data_directory (self->host);
  g_autofree char *all = NULL, *own = NULL;
  g_autoptr (GError) reason = NULL;

  if (!cepa_host_services_check_thread (self, "directory"))
    {
      g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "called from a thread of its own");
      return NULL;
    }
  if (data == NULL)
    {
      g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no data directory");
      return NULL;
    }
  all = g_build_filename (data, "plugins", NULL);
  own = g_build_filename (all, cepa_host_plugin_get_id (self), NULL);
  if (cepa_file_prepare_directory (all, &reason) && cepa_file_prepare_directory (own, &reason))
    return g_steal_pointer (&own);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, reason->message);
  return NULL;
}

static const CepaNetworkView *
services_network (const CepaHost *services)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  return cepa_host_services_check_thread (self, "network") ? cepa_host_get_view (self->host) : NULL;
}

static void
services_load_side_table (const CepaHost *services, const char *name, const char *path, CepaDoneFunc done,
                          void *user_data)
{
  CepaHostPlugin *self = cepa_host_plugin_from_services (services);

  if (cepa_host_services_check_thread (self, "load_side_table"))
    cepa_host_side_tables_load (cepa_host_get_side_tables (self->host), self, name, path, done, user_data);
}

void
cepa_host_services_init (CepaHostPlugin *self)
{
  self->services = (CepaHost){
    .size = sizeof (CepaHost),
    .abi_major = CEPA_ABI_MAJOR,
    .abi_minor = CEPA_ABI_MINOR,
    .context = self,
    .log = services_log,
    .random = services_random,
    .monotonic_us = services_monotonic_us,
    .wall_s = services_wall_s,
    .option = services_option,
    .complete = services_complete,
    .fail = services_fail,
    .timer_new = services_timer_new,
    .timer_set = services_timer_set,
    .timer_free = services_timer_free,
    .watch_new = services_watch_new,
    .watch_set = services_watch_set,
    .watch_free = services_watch_free,
    .directory = services_directory,
    .network = services_network,
    .load_side_table = services_load_side_table,
  };
  if (self->sources == NULL)
    self->sources = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, services_source_free);
}

guint
cepa_host_services_clear (CepaHostPlugin *self)
{
  guint n = self->sources != NULL ? g_hash_table_size (self->sources) : 0;

  if (n > 0)
    g_hash_table_remove_all (self->sources);
  cepa_host_side_tables_forget (cepa_host_get_side_tables (self->host), self);
  return n;
}
