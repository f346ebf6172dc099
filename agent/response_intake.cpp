#include "agent/response_intake.h"

namespace vedette {

bool ResponseIntake::on_message(const mqtt::Message& message, bool retained) const {
  if (!message.topic.starts_with(prefix_)) return false;
  if (retained && message.payload.empty()) return true;  // a retained message that was cleared
  static_cast<void>(
      inbox_.try_push(CloudResponded{decode_response(message, retained, message.topic.substr(prefix_.size()))}));
  return true;
}

}  // namespace vedette
