/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of control plugins. */
#include <string.h>

#include "check.h"

static void
control_check_addresses (CepaInstance *instance)
{
  const CepaControlTable *table = instance->check->plugin->control;
  g_autofree char *addresses = NULL;
  g_auto (GStrv) lines = NULL;

  if (table->list_addresses == NULL)
    return;
  CEPA_CHECK_CALL (instance->check, "list_addresses", addresses = table->list_addresses (instance->self));
  if (addresses == NULL || !g_utf8_validate (addresses, -1, NULL))
    {
      cepa_check_fail (instance->check, "list_addresses gave no text");
      return;
    }
  lines = g_strsplit (addresses, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0' && strchr (lines[i], ':') == NULL)
      cepa_check_fail (instance->check, "list_addresses gave \"%s\", which is no address", lines[i]);
}

void
cepa_check_use_control (CepaInstance *instance)
{
  control_check_addresses (instance);
  cepa_fake_host_emit_all (instance->host);
  cepa_fake_host_advance (instance->host, G_TIME_SPAN_SECOND);
  control_check_addresses (instance);
}

static void
control_check_signals (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 100))
    return;
  if (cepa_instance_start (&instance))
    {
      guint n = 0;

      for (guint i = 0; i < 50; i++)
        {
          n += cepa_fake_host_emit_all (instance.host);
          cepa_fake_host_advance (instance.host, 10 * G_TIME_SPAN_MILLISECOND);
        }
      cepa_check_note (check, "took %u signals", n);
      cepa_instance_stop (&instance);
      if (cepa_fake_host_emit_all (instance.host) > 0)
        cepa_check_fail (check, "it takes signals when its stop is complete");
    }
  cepa_instance_destroy (&instance);
}

static void
control_check_listed (CepaCheck *check)
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, 200))
    return;
  if (cepa_instance_start (&instance))
    {
      cepa_check_use_control (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

/* A vocabulary in which nothing is: each call is refused, each signal is not there. */
static void
control_check_empty (CepaCheck *check)
{
  CepaInstance instance;
  guint64 task;

  cepa_instance_prepare (&instance, check, 300);
  cepa_fake_host_set_vocabulary (instance.host, "<node/>");
  if (!cepa_instance_create (&instance))
    return;
  task = cepa_instance_begin_start (&instance);
  if (task != 0 && !cepa_fake_host_run_task (instance.host, task, CEPA_CHECK_START_US))
    cepa_check_fail (check, "start was not complete within 10 seconds");
  if (task == 0 || cepa_fake_host_get_task (instance.host, task) == CEPA_FAKE_TASK_DONE)
    {
      control_check_addresses (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

const CepaCheckRule cepa_check_control_rules[] = {
  { "control-signals", control_check_signals },
  { "control-addresses", control_check_listed },
  { "control-empty-vocabulary", control_check_empty },
  { NULL, NULL },
};
