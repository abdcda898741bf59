/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/padding.h"

#include "host/host-private.h"

struct _CepaHostPadding
{
  CepaPluginHost *host;
  CepaPadding *padding;
  GPtrArray *plugins; /* (element-type CepaHostPlugin): that run, in the order in which they are asked */
};

/* A machine of a plugin. */
typedef struct
{
  CepaHostPlugin *plugin;
  void *machine;
} PaddingMachine;

static const CepaPaddingTable *
padding_table (const CepaHostPlugin *plugin)
{
  return plugin->module->padding;
}

static guint32
padding_trigger (gpointer machine, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                 CepaPaddingAction *actions, guint32 max_actions)
{
  PaddingMachine *self = machine;

  return padding_table (self->plugin)->trigger (self->plugin->instance, self->machine, events, n_events, now_us,
                                                actions, max_actions);
}

static void
padding_violated (gpointer machine, const char *rule, const char *sentence)
{
  cepa_host_plugin_violated (((PaddingMachine *) machine)->plugin, rule, sentence);
}

static void
padding_machine_free (gpointer machine)
{
  PaddingMachine *self = machine;

  padding_table (self->plugin)->machine_free (self->plugin->instance, self->machine);
  g_free (self);
}

static gboolean
padding_is_patient (CepaHostPlugin *plugin, void *machine)
{
  const CepaPaddingTable *table = padding_table (plugin);

  return CEPA_TABLE_HAS (table, CepaPaddingTable, machine_traits)
         && (table->machine_traits (plugin->instance, machine) & CEPA_PADDING_PATIENT) != 0;
}

/* The first plugin that has one gives it. */
static gboolean
padding_get_machine (gpointer user_data, const CepaPaddingTarget *target, CepaPaddingMachine *out)
{
  CepaHostPadding *self = user_data;

  for (guint i = 0; i < self->plugins->len; i++)
    {
      CepaHostPlugin *plugin = g_ptr_array_index (self->plugins, i);
      void *machine = padding_table (plugin)->machine_new (plugin->instance, target);
      PaddingMachine *wrapper;

      if (machine == NULL)
        continue;
      wrapper = g_new (PaddingMachine, 1);
      *wrapper = (PaddingMachine){ plugin, machine };
      *out = (CepaPaddingMachine){ wrapper,         plugin,           padding_is_patient (plugin, machine),
                                    padding_trigger, padding_violated, padding_machine_free };
      return TRUE;
    }
  return FALSE;
}

CepaHostPadding *
cepa_host_padding_new (CepaPluginHost *host)
{
  CepaHostPadding *self = g_new0 (CepaHostPadding, 1);
  CepaPaddingProvider provider = { padding_get_machine, self };

  self->host = host;
  self->plugins = g_ptr_array_new ();
  self->padding = cepa_padding_new (cepa_host_get_clock (host), &provider);
  return self;
}

void
cepa_host_padding_free (CepaHostPadding *self)
{
  if (self == NULL)
    return;
  cepa_padding_free (self->padding);
  g_ptr_array_unref (self->plugins);
  g_free (self);
}

CepaPadding *
cepa_host_padding_get (CepaHostPadding *self)
{
  return self->padding;
}

static void
padding_tell_network (CepaHostPlugin *plugin, const CepaNetworkView *view)
{
  const CepaPaddingTable *table = padding_table (plugin);

  if (CEPA_TABLE_HAS (table, CepaPaddingTable, network_changed))
    table->network_changed (plugin->instance, view);
}

void
cepa_host_padding_network_changed (CepaHostPadding *self, const CepaNetworkView *view)
{
  cepa_padding_network_changed (self->padding, view);
  for (guint i = 0; i < self->plugins->len; i++)
    padding_tell_network (g_ptr_array_index (self->plugins, i), view);
}

/* ---- life ---- */

static void
padding_make (CepaHostPlugin *plugin)
{
  static const CepaPaddingHost table = { sizeof table, 0 };

  plugin->services.padding = &table;
}

static void
padding_running (CepaHostPlugin *plugin)
{
  CepaHostPadding *self = cepa_host_get_padding (plugin->host);
  const CepaNetworkView *view = cepa_host_get_view (plugin->host);

  if (view != NULL)
    padding_tell_network (plugin, view);
  g_ptr_array_add (self->plugins, plugin);
  cepa_padding_offer (self->padding);
}

static void
padding_ending (CepaHostPlugin *plugin)
{
  CepaHostPadding *self = cepa_host_get_padding (plugin->host);

  if (g_ptr_array_remove (self->plugins, plugin))
    cepa_padding_withdraw (self->padding, plugin);
}

const CepaHostKind cepa_host_kind_padding = { padding_make, padding_running, padding_ending, NULL };
