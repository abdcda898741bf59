/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin that is good, or bad in one way of its tables, its life or its paths. */
#include <fcntl.h>
#include <unistd.h>

#include "bad.h"

#ifndef BAD_ID
#define BAD_ID "path.bad"
#endif
#ifndef BAD_SIZE
#define BAD_SIZE sizeof (CepaPlugin)
#endif
#ifndef BAD_MINOR
#define BAD_MINOR CEPA_ABI_MINOR
#endif
#ifndef BAD_TABLE_SIZE
#define BAD_TABLE_SIZE sizeof (CepaPathTable)
#endif
#ifndef BAD_TABLE
#define BAD_TABLE &bad_path
#endif
#ifndef BAD_STRIDE
#define BAD_STRIDE sizeof (CepaPluginOption)
#endif
#ifndef BAD_DEFAULT
#define BAD_DEFAULT "5"
#endif
#ifndef BAD_OPTION
#define BAD_OPTION "how-many"
#endif
#ifndef BAD_SYMBOL
#define BAD_SYMBOL cepa_plugin_v1
#endif

typedef struct
{
  const CepaHost *host;
  guint64 timer, watch, start;
  guint64 stop;
  int fd;
  char *text;
  guint32 n_relays; /* of the table that was seen first */
} Bad;

static Bad bad_single;
static char *bad_shared;
static guint bad_n_created;

#ifdef BAD_CONSTRUCTOR
__attribute__ ((constructor)) static void
bad_construct (void)
{
  g_setenv ("BAD_CONSTRUCTED", "1", TRUE);
}
#endif

#ifdef BAD_CRASHING_CONSTRUCTOR
__attribute__ ((constructor)) static void
bad_construct (void)
{
  bad_crash ();
}
#endif

#ifdef BAD_TWO_SYMBOLS
CEPA_PLUGIN_EXPORT int bad_other_symbol (void);

int
bad_other_symbol (void)
{
  return 7;
}
#endif

#ifdef BAD_UNDEFINED
void foo_bar (void);
#endif

static gpointer
bad_run_thread (gpointer data)
{
  Bad *self = data;

  cepa_host_log (self->host, CEPA_HOST_LOG_INFO, "from a thread");
  return NULL;
}

static void
bad_open (Bad *self)
{
  self->fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
bad_timer (void *data)
{
  Bad *self = data;
  guint64 start = self->start, stop = self->stop;

  self->start = self->stop = 0;
  if (start != 0)
    cepa_host_complete (self->host, start, NULL);
  if (stop != 0)
    cepa_host_complete (self->host, stop, NULL);
}

static void
bad_loaded (G_GNUC_UNUSED void *data, G_GNUC_UNUSED const GError *error)
{
}

static void *
bad_create (const CepaHost *host, GError **error)
{
  Bad *self;

#ifdef BAD_UNDEFINED
  if (bad_is ("nothing"))
    foo_bar ();
#endif
  if (bad_is ("create-fails"))
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "the list of latencies is not there");
  if (bad_is ("create-fails") || bad_is ("create-silent") || (bad_is ("create-once") && bad_n_created++ > 0))
    return NULL;
  if (bad_is ("create-crashes"))
    bad_crash ();
  self = bad_is ("create-single") ? &bad_single : g_new0 (Bad, 1);
  self->host = host;
  self->fd = -1;
  self->text = g_strdup ("text");
  if (bad_shared == NULL)
    bad_shared = g_strdup ("shared");
  if (bad_is ("create-timer"))
    self->timer = cepa_host_timer_new (host, bad_timer, self);
  if (bad_is ("create-opens"))
    bad_open (self);
  if (bad_is ("raw-host"))
    host->log (host, CEPA_HOST_LOG_INFO, "made");
  if (bad_is ("raw-size") && host->log != NULL)
    host->log (host, CEPA_HOST_LOG_INFO, "made");
  if (bad_is ("raw-side-table"))
    host->load_side_table (host, "bad", "/", bad_loaded, self);
  if (bad_is ("option"))
    cepa_host_option_text (host, "no-such-option", NULL);
  if (bad_is ("log"))
    cepa_host_log (host, CEPA_HOST_LOG_INFO, "two\nlines");
  return self;
}

static void
bad_watch (G_GNUC_UNUSED void *data, G_GNUC_UNUSED int fd, G_GNUC_UNUSED guint32 events)
{
}

static void
bad_start (void *data, guint64 task)
{
  Bad *self = data;

  if (bad_is ("start-never"))
    return;
  if (bad_is ("start-crashes"))
    bad_crash ();
  if (bad_is ("start-exits"))
    _exit (0);
  if (bad_is ("start-fails"))
    {
      cepa_host_complete (self->host, task, g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "no file"));
      return;
    }
  if (self->timer == 0)
    self->timer = cepa_host_timer_new (self->host, bad_timer, self);
  if (bad_is ("watch-closed") || bad_is ("watch-left"))
    {
      bad_open (self);
      self->watch = cepa_host_watch_new (self->host, self->fd, CEPA_WATCH_WRITE, bad_watch, self);
    }
  if (bad_is ("descriptor-left"))
    bad_open (self);
  if (bad_is ("thread"))
    g_thread_join (g_thread_new ("bad", bad_run_thread, self));
  if (bad_is ("start-twice"))
    cepa_host_complete (self->host, task, NULL);
  self->start = task;
  cepa_host_timer_set (self->host, self->timer, 2 * G_TIME_SPAN_MILLISECOND);
  if (self->timer == 0)
    bad_timer (self);
}

static void
bad_end (Bad *self)
{
  if (!bad_is ("timer-left"))
    {
      cepa_host_timer_free (self->host, self->timer);
      self->timer = 0;
    }
  if (bad_is ("watch-closed"))
    close (self->fd);
  if (!bad_is ("watch-left"))
    cepa_host_watch_free (self->host, self->watch);
  if (!bad_is ("watch-left"))
    self->watch = 0;
}

static gboolean
bad_call_late (gpointer data)
{
  const CepaHost *host = data;

  cepa_host_log (host, CEPA_HOST_LOG_INFO, "late");
  return G_SOURCE_REMOVE;
}

static void
bad_stop (void *data, guint64 task)
{
  Bad *self = data;

  if (bad_is ("stop-never"))
    return;
  if (bad_is ("stop-needs-start") && self->timer == 0)
    bad_crash ();
  if (bad_is ("stop-completes-start") && self->start != 0)
    cepa_host_complete (self->host, self->start, NULL);
  if (bad_is ("stop-slow") && self->timer != 0)
    {
      self->stop = task;
      cepa_host_timer_set (self->host, self->timer, G_TIME_SPAN_MILLISECOND);
      return;
    }
  if (bad_is ("late"))
    {
      g_autoptr (GSource) source = g_idle_source_new ();

      g_source_set_callback (source, bad_call_late, (gpointer) self->host, NULL);
      g_source_attach (source, g_main_context_get_thread_default ());
    }
  self->start = 0;
  bad_end (self);
  cepa_host_complete (self->host, task, NULL);
}

static void
bad_destroy (void *data)
{
  Bad *self = data;

  if (bad_is ("shared-freed"))
    g_clear_pointer (&bad_shared, g_free);
  if (bad_is ("destroy-crashes"))
    bad_crash ();
  if (!bad_is ("destroy-needs-stop") && !bad_is ("stop-slow"))
    bad_end (self);
  if (!bad_is ("memory-left"))
    g_free (self->text);
  if (self->fd >= 0 && !bad_is ("descriptor-left") && !bad_is ("watch-closed"))
    close (self->fd);
  if (self != &bad_single)
    g_free (self);
}

/* What the request says of the hop. */
static gboolean
bad_is_wanted (const CepaPathRequest *request, guint hop, guint32 row)
{
  guint32 fixed = cepa_path_request_fixed (request, hop), n_guards = cepa_path_request_n_guards (request);
  gboolean is_last = hop + 1 == request->n_hops, is_guard = hop > 0 || n_guards == 0 || bad_is ("guards");
  guint place = is_last && request->purpose == CEPA_PURPOSE_GENERAL ? CEPA_PLACE_EXIT
                : hop == 0 && !is_last                              ? CEPA_PLACE_GUARD
                                                                    : CEPA_PLACE_MIDDLE;

  for (guint i = 0; !is_guard && i < n_guards; i++)
    is_guard = request->guards[i] == row;
  if (!is_guard || (fixed != CEPA_PATH_ANY_ROW && fixed != row && !bad_is ("settled")))
    return FALSE;
  return bad_is ("barred") || !cepa_path_request_bars (request, row, place);
}

/* Whether both rows may be in the path, so many hops apart. */
static gboolean
bad_may_meet (const CepaNetworkView *view, const CepaPathRequest *request, guint32 a, guint32 b, guint apart)
{
  if ((request->flags & CEPA_PATH_VANGUARDS) != 0)
    return a != b || apart > 2 || bad_is ("vanguards");
  return !cepa_network_view_same_family (view, a, b)
         && !cepa_relay_same_subnet (cepa_network_view_relay (view, a), cepa_network_view_relay (view, b));
}

static gboolean
bad_fits (const CepaNetworkView *view, const CepaPathRequest *request, const CepaPath *path, guint hop, guint32 row)
{
  const CepaRelay *relay = bad_is ("array") ? &view->relays[row] : cepa_network_view_relay (view, row);
  guint32 needs = CEPA_RELAY_RUNNING | CEPA_RELAY_VALID | CEPA_RELAY_HAS_KEYS | CEPA_RELAY_FAST;
  gboolean is_last = hop + 1 == request->n_hops, ipv6 = (request->flags & CEPA_PATH_IPV6) != 0;

  if (is_last && request->purpose == CEPA_PURPOSE_GENERAL)
    needs |= CEPA_RELAY_EXIT;
  if (hop == 0 && !is_last)
    needs |= CEPA_RELAY_GUARD;
  if ((request->flags & CEPA_PATH_NEED_STABLE) != 0)
    needs |= CEPA_RELAY_STABLE;
  if (((relay->flags & needs) != needs && !bad_is ("flags"))
      || (relay->flags & (CEPA_RELAY_MIDDLE_ONLY | CEPA_RELAY_BAD_EXIT)) != 0)
    return FALSE;
  if (!bad_is ("excluded") && cepa_path_request_excludes (request, row))
    return FALSE;
  if (bad_is ("raw-view") && !view->exit_allows (view, relay->exit_policy, request->port, ipv6))
    return FALSE;
  if (is_last && request->purpose == CEPA_PURPOSE_GENERAL && !bad_is ("policy")
      && !cepa_network_view_exit_allows (view, relay->exit_policy, request->port, ipv6))
    return FALSE;
  for (guint i = 0; i < hop; i++)
    if (!bad_may_meet (view, request, row, path->hops[i], hop - i))
      return FALSE;
  for (guint i = hop + 1; i < request->n_hops; i++)
    if (cepa_path_request_fixed (request, i) != CEPA_PATH_ANY_ROW
        && !bad_may_meet (view, request, row, cepa_path_request_fixed (request, i), i - hop))
      return FALSE;
  return bad_is_wanted (request, hop, row);
}

/* The first row that fits behind a random one. */
static gboolean
bad_draw (Bad *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path, guint hop)
{
  guint32 n = bad_is ("stale") ? self->n_relays : view->n_relays;
  guint32 first = bad_is ("own-chance") ? g_random_int () : (guint32) cepa_host_random_below (self->host, n);

  for (guint32 i = 0; i < n; i++)
    if (bad_fits (view, request, path, hop, (first + i) % n))
      {
        path->hops[hop] = (first + i) % n;
        return TRUE;
      }
  return FALSE;
}

static gboolean
bad_refuse (GError **error)
{
  if (bad_is ("domain"))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no file");
  else if (!bad_is ("silent"))
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH, "no relays fit");
  return FALSE;
}

static gboolean
bad_choose_path (void *data, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path, GError **error)
{
  Bad *self = data;

  if (bad_is ("shared-freed") && bad_shared[0] != 's')
    return bad_refuse (error);
  if (bad_is ("hangs"))
    for (volatile guint i = 0;; i++)
      ;
  if (bad_is ("writes") && view->n_relays > 0)
    ((CepaRelay *) cepa_network_view_relay (view, 0))->flags++;
  if (bad_is ("row-asked"))
    cepa_network_view_exit_allows (view, 12345, 80, 0);
  if (bad_is ("no-path"))
    return bad_refuse (error);
  if (bad_is ("exact-size") && request->size != sizeof (CepaPathRequest))
    return bad_refuse (error);
  if (!bad_is ("too-long") && (request->n_hops == 0 || request->n_hops > CEPA_PATH_MAX_HOPS))
    return bad_refuse (error);
  if (bad_is ("too-long") && request->n_hops > 12)
    return bad_refuse (error);
  if (self->n_relays == 0)
    self->n_relays = view->n_relays;
  path->n_hops = request->n_hops;
  for (guint hop = 0; hop < request->n_hops; hop++)
    {
      if (!bad_draw (self, view, request, path, hop))
        return bad_refuse (error);
      if (bad_is ("twice") && hop > 0)
        path->hops[hop] = path->hops[0];
    }
  return TRUE;
}

static void
bad_network_changed (G_GNUC_UNUSED void *self, const CepaNetworkView *view)
{
  static gboolean was_slow;
  gint64 end_us = g_get_monotonic_time () + 600 * G_TIME_SPAN_MILLISECOND;

  if (!bad_is ("slow") || view->n_relays != 1000 || was_slow)
    return;
  was_slow = TRUE;
  while (g_get_monotonic_time () < end_us)
    ;
}

static void
bad_result (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathResult *result)
{
  if (bad_is ("outcome") && result->outcome > CEPA_PATH_TIMEOUT)
    bad_crash ();
}

static const CepaPathTable G_GNUC_UNUSED bad_path = {
  .size = BAD_TABLE_SIZE,
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
#ifndef BAD_NO_FUNCTIONS
  .choose_path = bad_choose_path,
#endif
  .network_changed = bad_network_changed,
  .result = bad_result,
};

static const CepaPluginOption bad_options[] = {
  { .name = BAD_OPTION, .type = CEPA_PLUGIN_OPTION_INT, .minimum = 1, .maximum = 9, .default_text = BAD_DEFAULT,
    .description = "How many there are." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin BAD_SYMBOL = {
  .size = BAD_SIZE,
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = BAD_MINOR,
  .id = BAD_ID,
  .name = "A bad plugin",
  .licence = "BSD-3-Clause",
  .options = bad_options,
  .n_options = G_N_ELEMENTS (bad_options),
  .option_stride = BAD_STRIDE,
  .create = bad_create,
  .start = bad_start,
  .stop = bad_stop,
  .destroy = bad_destroy,
  .path = BAD_TABLE,
};
