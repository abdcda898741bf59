/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa newnym */
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/link.h"
#include "ctl/text.h"

gboolean
cepa_ctl_newnym (const CepaCtlOptions *options, char **args, GError **error)
{
  g_autoptr (CepaCtlLink) link = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) said = NULL;

  if (!cepa_ctl_no_arguments (args, error))
    return FALSE;
  link = cepa_ctl_link_open (options, error);
  if (link == NULL)
    return FALSE;
  reply = cepa_ctl_link_call (link, "Client1.NewIdentity", NULL, "()", "Asking the daemon", error);
  if (reply == NULL)
    return FALSE;
  said = g_variant_ref_sink (g_variant_new_parsed ("{'NewIdentityTaken': true}"));
  if (options->json)
    cepa_ctl_json_print (said, TRUE);
  else
    cepa_ctl_print ("New streams share no circuit with those before.\n");
  return TRUE;
}
