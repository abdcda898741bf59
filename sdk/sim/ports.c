/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <string.h>

#include "base/error.h"
#include "config/options.h"

#define PORTS_MAX_WEIGHT 1000000000

/* Whether the default of LongLivedPorts has it. */
static gboolean
ports_is_long_lived (guint16 port)
{
  g_auto (GStrv) ports = g_strsplit (cepa_option_find ("LongLivedPorts")->default_text, ",", -1);
  g_autofree char *text = g_strdup_printf ("%u", port);

  return g_strv_contains ((const char *const *) ports, text);
}

static gboolean
ports_parse_entry (const char *entry, CepaSimPort *port, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (entry, "=", 2);
  guint64 number = 0, weight = 1;

  port->is_ipv6 = g_str_has_suffix (parts[0], "v6");
  if (port->is_ipv6)
    parts[0][strlen (parts[0]) - 2] = '\0';
  if (!g_ascii_string_to_unsigned (parts[0], 10, 1, 65535, &number, NULL)
      || (parts[1] != NULL && !g_ascii_string_to_unsigned (parts[1], 10, 1, PORTS_MAX_WEIGHT, &weight, NULL)))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                   "\"%s\" in the mix of ports is not PORT, PORT=WEIGHT or PORTv6=WEIGHT, with a port from 1 to 65535 and "
                   "a whole weight from 1 to %d", entry, PORTS_MAX_WEIGHT);
      return FALSE;
    }
  port->port = (guint16) number;
  port->weight = weight;
  port->is_stable = ports_is_long_lived (port->port);
  return TRUE;
}

static gboolean
ports_add (CepaSimPorts *self, const char *entry, GError **error)
{
  CepaSimPort port = { 0 };

  if (!ports_parse_entry (entry, &port, error))
    return FALSE;
  for (guint i = 0; i < self->n; i++)
    if (self->ports[i].port == port.port && self->ports[i].is_ipv6 == port.is_ipv6)
      {
        g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "the mix of ports has %u%s twice", port.port,
                     port.is_ipv6 ? "v6" : "");
        return FALSE;
      }
  if (self->n == CEPA_SIM_MAX_PORTS)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "the mix of ports has more than %d entries", CEPA_SIM_MAX_PORTS);
      return FALSE;
    }
  self->ports[self->n++] = port;
  self->sum += port.weight;
  return TRUE;
}

gboolean
cepa_sim_ports_parse (const char *text, CepaSimPorts *out, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  CepaSimPorts self = { 0 };

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) entries = NULL;

      lines[i][strcspn (lines[i], "#")] = '\0';
      entries = g_strsplit_set (lines[i], ", \t\r", -1);
      for (guint j = 0; entries[j] != NULL; j++)
        if (entries[j][0] != '\0' && !ports_add (&self, entries[j], error))
          return FALSE;
    }
  if (self.n == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "the mix of ports has no entry; write for example 443=9,80=1");
      return FALSE;
    }
  *out = self;
  return TRUE;
}
