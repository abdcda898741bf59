/* SPDX-License-Identifier: BSD-3-Clause */
#include "eyeballs.h"

#include <cepa/loop.h>

#include "address.h"
#include "connector.h"

struct _CepaEyeballs
{
  const CepaHost *host;
  const CepaDirectConfig *config;
  CepaEyeballsFunc func;
  gpointer user_data;
  CepaAddress addresses[CEPA_EYEBALLS_MAX_ADDRESSES]; /* in the order in which they are tried */
  guint n, n_begun;
  uint64_t timer;        /* until the next is tried */
  GPtrArray *connectors; /* (element-type CepaDirectConnector) */
  GString *failures;
};

/* Of those that are not taken the first of another family than @last, else the first. */
static guint
eyeballs_pick (const CepaAddress *addresses, const gboolean *taken, guint n, guint8 last)
{
  guint first = n;

  for (guint i = 0; i < n; i++)
    {
      if (!taken[i] && addresses[i].version != last)
        return i;
      if (!taken[i] && first == n)
        first = i;
    }
  return first;
}

/* RFC 8305, section 4: the family of the preferred address first, then the families in turn. */
static void
eyeballs_sort (CepaEyeballs *self, const CepaAddress *addresses, guint n)
{
  gboolean taken[CEPA_EYEBALLS_MAX_ADDRESSES] = { FALSE };
  guint8 last = 0;

  for (self->n = 0; self->n < n; self->n++)
    {
      guint next = eyeballs_pick (addresses, taken, n, last);

      taken[next] = TRUE;
      last = addresses[next].version;
      self->addresses[self->n] = addresses[next];
    }
}

CepaEyeballs *
cepa_eyeballs_new (const CepaHost *host, const CepaDirectConfig *config, const CepaAddress *addresses, guint n,
                   CepaEyeballsFunc func, gpointer user_data)
{
  CepaEyeballs *self = g_new0 (CepaEyeballs, 1);

  self->host = host;
  self->config = config;
  self->func = func;
  self->user_data = user_data;
  self->connectors = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_direct_connector_free);
  self->failures = g_string_new (NULL);
  eyeballs_sort (self, addresses, MIN (n, CEPA_EYEBALLS_MAX_ADDRESSES));
  return self;
}

void
cepa_eyeballs_free (CepaEyeballs *self)
{
  if (self == NULL)
    return;
  cepa_host_timer_free (self->host, self->timer);
  g_ptr_array_unref (self->connectors);
  g_string_free (self->failures, TRUE);
  g_free (self);
}

static void
eyeballs_note_failure (CepaEyeballs *self, const CepaAddress *address, const GError *error)
{
  char text[CEPA_ADDRESS_TEXT_LEN];

  cepa_direct_address_format (address, text);
  g_string_append_printf (self->failures, "%s%s: %s", self->failures->len > 0 ? "; " : "", text, error->message);
}

static void eyeballs_connected (gpointer user_data, CepaDirectConnector *connector, int fd, GError *error);

/* Tries the next address, and those behind it while they fail at once. What is called last may free @self. */
static void
eyeballs_next (CepaEyeballs *self)
{
  while (self->n_begun < self->n)
    {
      const CepaAddress *address = &self->addresses[self->n_begun++];
      g_autoptr (GError) error = NULL;
      CepaDirectConnector *connector
          = cepa_direct_connector_new (self->host, self->config, address, eyeballs_connected, self, &error);

      if (connector != NULL)
        {
          g_ptr_array_add (self->connectors, connector);
          if (self->n_begun < self->n && self->config->protocol == NULL)
            cepa_host_timer_set (self->host, self->timer, CEPA_EYEBALLS_DELAY_US);
          return;
        }
      eyeballs_note_failure (self, address, error);
    }
  if (self->connectors->len == 0)
    self->func (self->user_data, -1, NULL,
                g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, self->failures->str));
}

static void
eyeballs_timer (void *user_data)
{
  eyeballs_next (user_data);
}

static void
eyeballs_connected (gpointer user_data, CepaDirectConnector *connector, int fd, GError *error)
{
  CepaEyeballs *self = user_data;
  CepaAddress address = *cepa_direct_connector_get_relay (connector);

  if (fd >= 0)
    {
      cepa_host_timer_set (self->host, self->timer, -1);
      g_ptr_array_set_size (self->connectors, 0);
      self->func (self->user_data, fd, &address, NULL);
      return;
    }
  eyeballs_note_failure (self, &address, error);
  g_clear_error (&error);
  g_ptr_array_remove (self->connectors, connector);
  cepa_host_timer_set (self->host, self->timer, -1);
  eyeballs_next (self);
}

void
cepa_eyeballs_start (CepaEyeballs *self)
{
  self->timer = cepa_host_timer_new (self->host, eyeballs_timer, self);
  eyeballs_next (self);
}
