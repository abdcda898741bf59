/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin for tests, built many times: each build has one thing wrong, by a macro of meson.build. */
#include <cepa/loop.h>
#include <cepa/plugin.h>
#include <cepa/services.h>
#include <signal.h>

#ifndef VARIANT_SYMBOL
#define VARIANT_SYMBOL cepa_plugin_v1
#endif
#ifndef VARIANT_ID
#define VARIANT_ID "path.variant"
#endif
#ifndef VARIANT_SIZE
#define VARIANT_SIZE sizeof (CepaPlugin)
#endif
#ifndef VARIANT_ABI_MAJOR
#define VARIANT_ABI_MAJOR CEPA_ABI_MAJOR
#endif
#ifndef VARIANT_ABI_MINOR
#define VARIANT_ABI_MINOR CEPA_ABI_MINOR
#endif
#ifndef VARIANT_CREATE
#define VARIANT_CREATE variant_create
#endif
#ifndef VARIANT_CHOOSE
#define VARIANT_CHOOSE variant_choose
#endif

typedef struct
{
  const CepaHost *host;
  guint n_changes;
  guint64 timer;
} Variant;

G_GNUC_UNUSED static void *
variant_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Variant *self = g_new0 (Variant, 1);

  self->host = host;
  cepa_host_log (host, CEPA_HOST_LOG_INFO, "made");
  return self;
}

G_GNUC_UNUSED static void *
variant_create_failing (G_GNUC_UNUSED const CepaHost *host, GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "no table of latencies");
  return NULL;
}

#ifdef VARIANT_DELAY_US

static void
variant_tick (void *data)
{
  Variant *self = data;

  cepa_host_timer_set (self->host, self->timer, VARIANT_DELAY_US);
}

static void *
variant_create_ticking (const CepaHost *host, GError **error)
{
  Variant *self = variant_create (host, error);

  self->timer = cepa_host_timer_new (host, variant_tick, self);
  variant_tick (self);
  return self;
}

#endif

static void
variant_destroy (void *data)
{
  Variant *self = data;

  if (self->timer != 0)
    cepa_host_timer_free (self->host, self->timer);
  g_free (self);
}

/* Proposes as its first hop how many views it has seen, then a random byte, then whether the clock runs. */
G_GNUC_UNUSED static gboolean
variant_choose (void *data, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request,
                CepaPath *path, G_GNUC_UNUSED GError **error)
{
  Variant *self = data;
  guint8 byte;

  cepa_host_random (self->host, &byte, 1);
  path->n_hops = request->n_hops;
  path->hops[0] = self->n_changes;
  path->hops[1] = byte;
  path->hops[2] = cepa_host_monotonic_us (self->host) > 0;
  return TRUE;
}

/* Rows behind the last. */
G_GNUC_UNUSED static gboolean
variant_choose_unknown (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                        CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = request->n_hops;
  for (guint i = 0; i < request->n_hops; i++)
    path->hops[i] = view->n_relays + i;
  return TRUE;
}

/* The first row at or behind @from that has one of the @flags, or any when they are 0, and is not @but. */
G_GNUC_UNUSED static guint32
variant_find (const CepaNetworkView *view, guint32 from, guint32 flags, guint32 but)
{
  for (guint32 row = from; row < view->n_relays; row++)
    {
      const CepaRelay *relay = cepa_network_view_relay (view, row);

      if (row != but && (relay->flags & CEPA_RELAY_AUTHORITY) == 0 && (flags == 0 || (relay->flags & flags) != 0))
        return row;
    }
  return 0;
}

/* A guard, another one of its family where there is one, and an exit. */
G_GNUC_UNUSED static gboolean
variant_choose_family (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                       CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = request->n_hops;
  for (guint32 a = 0; a < view->n_relays; a++)
    for (guint32 b = 0; b < view->n_relays; b++)
      if (a != b && cepa_network_view_same_family (view, a, b)
          && (cepa_network_view_relay (view, a)->flags & CEPA_RELAY_GUARD) != 0)
        {
          path->hops[0] = a;
          path->hops[1] = b;
          path->hops[2] = variant_find (view, 0, CEPA_RELAY_EXIT, b);
          return TRUE;
        }
  return FALSE;
}

/* Whether @row is of the family of one before it in @path, or the same. */
G_GNUC_UNUSED static gboolean
variant_is_related (const CepaNetworkView *view, const CepaPath *path, guint n, guint32 row)
{
  for (guint i = 0; i < n; i++)
    if (cepa_network_view_same_family (view, path->hops[i], row))
      return TRUE;
  return FALSE;
}

/* Always the same three, which keep the rules, whatever the port and whoever is excluded. */
G_GNUC_UNUSED static gboolean
variant_choose_stubborn (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                         CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = 0;
  for (guint32 row = 0; row < view->n_relays && path->n_hops < 3; row++)
    {
      guint32 flags = cepa_network_view_relay (view, row)->flags;
      gboolean is_exit = (flags & CEPA_RELAY_EXIT) != 0;

      if (is_exit != (path->n_hops == 2) || (flags & CEPA_RELAY_AUTHORITY) != 0
          || (path->n_hops == 0 && (flags & CEPA_RELAY_GUARD) == 0)
          || variant_is_related (view, path, path->n_hops, row))
        continue;
      path->hops[path->n_hops++] = row;
      row = G_MAXUINT32; /* the next place begins with the first row */
    }
  return path->n_hops == request->n_hops;
}

/* A row for the hop @hop of which the user wants none at @place, or any that is not kept for the exit when there is none:
   with @flags, unrelated. */
G_GNUC_UNUSED static guint32
variant_find_barred (const CepaNetworkView *view, const CepaPathRequest *request, const CepaPath *path, guint hop,
                     guint32 place, guint32 flags)
{
  guint32 found = 0;
  gboolean is_found = FALSE;

  for (guint32 row = 0; row < view->n_relays; row++)
    {
      guint32 has = cepa_network_view_relay (view, row)->flags;

      if ((has & flags) != flags || (has & CEPA_RELAY_AUTHORITY) != 0 || variant_is_related (view, path, hop, row))
        continue;
      if (cepa_path_request_bars (request, row, place))
        return row;
      if (is_found || (place != CEPA_PLACE_EXIT && cepa_path_request_bars (request, row, CEPA_PLACE_EXIT)))
        continue;
      found = row;
      is_found = TRUE;
    }
  return found;
}

/* Our guard, and then whom the user does not want there. */
G_GNUC_UNUSED static gboolean
variant_choose_barred (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                       CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = request->n_hops;
  path->hops[0] = cepa_path_request_n_guards (request) > 0 ? request->guards[0]
                                                           : variant_find (view, 0, CEPA_RELAY_GUARD, view->n_relays);
  path->hops[1] = variant_find_barred (view, request, path, 1, CEPA_PLACE_MIDDLE, CEPA_RELAY_STABLE);
  path->hops[2] = variant_find_barred (view, request, path, 2, CEPA_PLACE_EXIT, CEPA_RELAY_EXIT);
  return TRUE;
}

/* Who is none of our guards is first, where there is one. */
G_GNUC_UNUSED static gboolean
variant_choose_other_guard (void *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                            GError **error)
{
  variant_choose_barred (self, view, request, path, error);
  for (guint32 row = 0; row < view->n_relays; row++)
    {
      gboolean is_ours = row == path->hops[1] || row == path->hops[2];

      for (guint32 i = 0; !is_ours && i < cepa_path_request_n_guards (request); i++)
        is_ours = request->guards[i] == row;
      if (!is_ours && (cepa_network_view_relay (view, row)->flags & CEPA_RELAY_GUARD) != 0)
        path->hops[0] = row;
    }
  return TRUE;
}

/* The last one is no exit. */
G_GNUC_UNUSED static gboolean
variant_choose_no_exit (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                        CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = request->n_hops;
  path->hops[0] = variant_find (view, 0, CEPA_RELAY_GUARD, view->n_relays);
  path->hops[1] = variant_find (view, 0, CEPA_RELAY_EXIT, path->hops[0]);
  for (guint32 row = 0; row < view->n_relays; row++)
    if ((cepa_network_view_relay (view, row)->flags & CEPA_RELAY_EXIT) == 0 && row != path->hops[0])
      path->hops[2] = row;
  return TRUE;
}

/* The same guard twice. */
G_GNUC_UNUSED static gboolean
variant_choose_twice (G_GNUC_UNUSED void *self, const CepaNetworkView *view, const CepaPathRequest *request,
                      CepaPath *path, G_GNUC_UNUSED GError **error)
{
  path->n_hops = request->n_hops;
  for (guint i = 0; i < request->n_hops; i++)
    path->hops[i] = variant_find (view, 0, CEPA_RELAY_GUARD, view->n_relays);
  path->hops[request->n_hops - 1] = variant_find (view, 0, CEPA_RELAY_EXIT, path->hops[0]);
  return TRUE;
}

G_GNUC_UNUSED static gboolean
variant_choose_too_many (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                         G_GNUC_UNUSED const CepaPathRequest *request, CepaPath *path,
                         G_GNUC_UNUSED GError **error)
{
  path->n_hops = CEPA_PATH_MAX_HOPS + 1;
  return TRUE;
}

G_GNUC_UNUSED static gboolean
variant_choose_silent (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                       G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED CepaPath *path,
                       G_GNUC_UNUSED GError **error)
{
  return FALSE;
}

G_GNUC_UNUSED static gboolean
variant_choose_no_path (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                        G_GNUC_UNUSED const CepaPathRequest *request, CepaPath *path, GError **error)
{
  path->n_hops = 3;
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NO_PATH, "nobody is\nhome");
  return FALSE;
}

G_GNUC_UNUSED static gboolean
variant_choose_failing (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                        G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED CepaPath *path,
                        GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "the table is torn");
  return FALSE;
}

/* A fault that ends the process. */
G_GNUC_UNUSED static gboolean
variant_choose_crashing (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                         G_GNUC_UNUSED const CepaPathRequest *request, G_GNUC_UNUSED CepaPath *path,
                         G_GNUC_UNUSED GError **error)
{
  raise (SIGKILL);
  return FALSE;
}

G_GNUC_UNUSED static gboolean
variant_choose_both (G_GNUC_UNUSED void *self, G_GNUC_UNUSED const CepaNetworkView *view,
                     const CepaPathRequest *request, CepaPath *path, GError **error)
{
  path->n_hops = request->n_hops;
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "not sure");
  return TRUE;
}

static void
variant_network_changed (void *data, G_GNUC_UNUSED const CepaNetworkView *view)
{
  Variant *self = data;

  self->n_changes++;
}

static const CepaPathTable variant_path = {
#ifdef VARIANT_OLD_TABLE
  .size = G_STRUCT_OFFSET (CepaPathTable, network_changed),
#else
  .size = sizeof (CepaPathTable),
#endif
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .choose_path = VARIANT_CHOOSE,
  .network_changed = variant_network_changed,
};

CEPA_PLUGIN_EXPORT const CepaPlugin VARIANT_SYMBOL = {
  .size = VARIANT_SIZE,
  .abi_major = VARIANT_ABI_MAJOR,
  .abi_minor = VARIANT_ABI_MINOR,
  .id = VARIANT_ID,
  .name = "A plugin for tests",
  .licence = "BSD-3-Clause",
  .create = VARIANT_CREATE,
  .destroy = variant_destroy,
  .path = &variant_path,
};
