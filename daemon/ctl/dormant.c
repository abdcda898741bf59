/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa dormant, cepa wake */
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/link.h"
#include "ctl/text.h"

static gboolean
dormant_set (const CepaCtlOptions *options, char **args, gboolean is_dormant, GError **error)
{
  g_autoptr (CepaCtlLink) link = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) said = NULL;

  if (!cepa_ctl_no_arguments (args, error))
    return FALSE;
  link = cepa_ctl_link_open (options, error);
  if (link == NULL)
    return FALSE;
  reply = cepa_ctl_link_call (link, "Client1.SetDormant", g_variant_new ("(b)", is_dormant), "()",
                              "Asking the daemon", error);
  if (reply == NULL)
    return FALSE;
  said = g_variant_ref_sink (g_variant_new_parsed ("{'Dormant': %b}", is_dormant));
  if (options->json)
    cepa_ctl_json_print (said, TRUE);
  else
    cepa_ctl_print (is_dormant ? "Dormant: nothing is asked of the network until somebody uses Tor.\n" : "Awake.\n");
  return TRUE;
}

gboolean
cepa_ctl_dormant (const CepaCtlOptions *options, char **args, GError **error)
{
  return dormant_set (options, args, TRUE, error);
}

gboolean
cepa_ctl_wake (const CepaCtlOptions *options, char **args, GError **error)
{
  return dormant_set (options, args, FALSE, error);
}
