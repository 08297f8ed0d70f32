# SPDX-License-Identifier: Apache-2.0
"""Runs in the interpreter that has LiteLLM: prints as JSON where its migrations are, and texts sealed by its own functions, or opened.

litellm_rows.py SALT TEXT…: {"migrations": folder, "old": [sealed], "gcm": [sealed]}
litellm_rows.py SALT --open SEALED…: [text]"""
import json
import os
import sys

import litellm_proxy_extras
from litellm.proxy.common_utils import encrypt_decrypt_utils as litellm_seal

salt, texts = sys.argv[1], sys.argv[2:]
if texts[:1] == ["--open"]:
    print(json.dumps([litellm_seal._decrypt_with_signing_key(value=t, signing_key=salt) for t in texts[1:]]))
    sys.exit()
print(json.dumps({
    "migrations": os.path.join(os.path.dirname(litellm_proxy_extras.__file__), "migrations"),
    "old": [litellm_seal.encrypt_value_helper(t, salt) for t in texts],
    "gcm": [litellm_seal._encrypt_aes_gcm(t, salt) for t in texts],
}))
