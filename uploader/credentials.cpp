#include "uploader/credentials.h"

namespace vedette {

namespace {

class ConstantCredentials : public CredentialsSource {
 public:
  explicit ConstantCredentials(S3Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<S3Credentials> current() override { return credentials_; }
  void refused(const S3Credentials&, const std::string&) override {}

 private:
  const S3Credentials credentials_;
};

}  // namespace

std::shared_ptr<CredentialsSource> constant_credentials(S3Credentials credentials) {
  return std::make_shared<ConstantCredentials>(std::move(credentials));
}

}  // namespace vedette
