#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/messages.h"
#include "agent/posters.h"
#include "agent/publisher.h"
#include "agent/upload_windows.h"
#include "storage/catalog.h"
#include "uploader/upload_engine.h"

namespace vedette {

// UploadControl is what people want of the uploads: that they pause, that they keep to their windows and their rate,
// that one clip goes now. It answers the verbs about them and tells how far the long ones are. Belongs to the main
// loop, but for what says otherwise; borrows all it uses, which outlives it.
//
// A pause is kept in the catalog: it outlives restarts, and ends by itself when its time has come.
class UploadControl {
 public:
  UploadControl(const Config& config, const Layout& layout, Catalog& catalog, Posters& posters, Publisher& publisher,
                const Clock& clock);

  // Whether uploads may go. Any thread.
  UploadGate gate(UtcTime now) const;
  // Null: nothing is uploaded. It is not used after its owner says null again.
  void attach(UploadEngine* engine);
  // Windows and rate are as configured now. Only while no engine is attached.
  void follow_config();
  // Of all uploads together; 0: no limit. What is under way follows at once. Any thread, from attach() on.
  void set_rate(int64_t bits_per_s);

  messages::Answer pause(const UploadPause& request);
  messages::Answer resume();
  messages::Answer status();
  // Accepts; the answer comes when the store has proved that it has the clip, or will not have it, or it is too late.
  messages::Answer upload(const ReplyTo& to, const ClipUpload& request);

  // Nobody waits for the answer any more: it comes at the next tick(). The upload itself goes on.
  bool cancel(const std::string& command_id);

  struct Reply {
    ReplyTo to;
    messages::Answer answer;
  };
  std::vector<Reply> on_report(const UploadReport& report);
  // Once a second: what of time has come, and how far the long ones are.
  std::vector<Reply> tick();

 private:
  // A clip.upload that is not answered yet.
  struct Waiting {
    ReplyTo to;
    std::string clip_id;
    bool forced = false;
    MonoTime deadline;
    MonoTime next_word;  // when it is told next how far it is
    std::string last_error;
  };
  // How far an upload was when that was told last.
  struct Told {
    MonoTime at;
    int64_t sent_bytes = 0;
    int64_t bits_per_s = 0;
  };

  void look_at_gate();
  void tell_progress(const UploadActivity& activity);
  void publish_progress(const UploadProgress& upload, int64_t bits_per_s);
  std::optional<messages::Answer> word_for(const Waiting& waiting, const UploadActivity& activity) const;
  messages::Answer too_late(const Waiting& waiting, const UploadActivity& activity) const;
  std::string why_not_yet(const Waiting& waiting, const UploadActivity& activity) const;

  const Config& config_;
  const Layout& layout_;
  Catalog& catalog_;
  Posters& posters_;
  Publisher& publisher_;
  const Clock& clock_;
  UploadWindows windows_;
  std::atomic<UploadEngine*> engine_{nullptr};
  std::atomic<int64_t> rate_;
  std::atomic<int64_t> paused_until_us_{0};  // 0: not paused
  bool was_open_ = true;
  std::vector<Waiting> waiting_;
  std::map<int64_t, Told> told_;  // by row, of those under way
};

}  // namespace vedette
