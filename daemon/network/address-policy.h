/* SPDX-License-Identifier: BSD-3-Clause */
/* Ordered rules over addresses and ports, as exit policies and ReachableAddresses are written. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Rules of one policy; more are refused. */
#define CEPA_ADDRESS_POLICY_MAX_RULES 10000

/**
 * CepaAddressPolicy:
 *
 * Rules in their order, 24 bytes each; the first that fits an address and a port decides. Counted; not changed any
 * more once it is shared.
 */
typedef struct _CepaAddressPolicy CepaAddressPolicy;

/* What a policy says of an address and a port. */
typedef enum
{
  CEPA_ADDRESS_POLICY_SILENT, /* no rule fits */
  CEPA_ADDRESS_POLICY_ACCEPTS,
  CEPA_ADDRESS_POLICY_REJECTS,
} CepaAddressPolicyAnswer;

/* What a pattern without "accept" or "reject" before it does. */
typedef enum
{
  CEPA_ADDRESS_POLICY_BARE_IS_FAULT, /* as in server descriptors */
  CEPA_ADDRESS_POLICY_BARE_ACCEPTS,  /* as in ReachableAddresses */
  CEPA_ADDRESS_POLICY_BARE_REJECTS,  /* as in node sets, where "rejected" means "in the set" */
} CepaAddressPolicyBare;

CepaAddressPolicy *cepa_address_policy_new (void);
CepaAddressPolicy *cepa_address_policy_ref (CepaAddressPolicy *self);
void cepa_address_policy_unref (CepaAddressPolicy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaAddressPolicy, cepa_address_policy_unref)

/**
 * cepa_address_policy_add:
 * @text: @len bytes: one rule: `[accept|reject|accept6|reject6] ADDRESS[/BITS|/MASK][:PORT|:PORT-PORT|:*]`, where
 *   ADDRESS is a dotted quad, an IPv6 address in brackets, `*`, `*4` or `*6`; or `private`, which is every network
 *   that belongs to nobody in the Internet. accept6 and reject6 take IPv6 addresses alone, and `*` is IPv6 with them
 *
 * Appends one rule, or what it stands for.
 *
 * Returns: FALSE with CEPA_ERROR_BAD_DOCUMENT that says what is wrong with it; nothing is appended then.
 */
gboolean cepa_address_policy_add (CepaAddressPolicy *self, const char *text, gsize len, CepaAddressPolicyBare bare,
                                  GError **error);

/* The same for each of several rules with commas between them; blanks around them do not count, nor empty ones. */
gboolean cepa_address_policy_add_list (CepaAddressPolicy *self, const char *text, CepaAddressPolicyBare bare,
                                       GError **error);

/* Appends a rule that rejects whatever no rule before it fits. */
void cepa_address_policy_end_with_reject (CepaAddressPolicy *self);

guint cepa_address_policy_get_n_rules (const CepaAddressPolicy *self);

/* @ipv4: host byte order */
CepaAddressPolicyAnswer cepa_address_policy_ask_ipv4 (const CepaAddressPolicy *self, guint32 ipv4, guint16 port);

/* @ipv6: 16 bytes */
CepaAddressPolicyAnswer cepa_address_policy_ask_ipv6 (const CepaAddressPolicy *self, const guint8 *ipv6,
                                                      guint16 port);

/* Whether every address of a family is rejected, whatever the port. */
gboolean cepa_address_policy_rejects_all (const CepaAddressPolicy *self, gboolean ipv6);

/* For sharing equal policies: their rules in the order they have. */
guint cepa_address_policy_hash (gconstpointer self);
gboolean cepa_address_policy_equal (gconstpointer a, gconstpointer b);

G_END_DECLS
