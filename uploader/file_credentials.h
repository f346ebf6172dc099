#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "uploader/credentials.h"

namespace vedette {

// Where each part of the credentials is read from (core/secret.h); empty: it stays as it is.
struct CredentialFiles {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

// Credentials out of files that somebody else renews while we run. current() looks at the files, at most once a second,
// and reads those that are others than before or have changed (inode, size, time), whatever way that was done: written,
// renamed over, a link in the path turned. refused() has all of them read by the next current(), since only the store
// notices when the set was read half renewed.
//
// A file that is gone, empty or not readable leaves the old value; that is logged once, until it can be read again.
// current() never fails. `known` are the values as they were read at the start.
std::shared_ptr<CredentialsSource> file_credentials(S3Credentials known, CredentialFiles files,
                                                    const Clock& clock = Clock::system());

}  // namespace vedette
