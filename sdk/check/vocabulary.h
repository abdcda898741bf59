/* SPDX-License-Identifier: BSD-3-Clause */
/* data/org.cepa.Cepa1.xml, as it was when the checker was built. */
#pragma once

extern const char cepa_check_vocabulary[];
