#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/sha256.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/volume.h"

namespace vedette {

// What is handed in.
struct ImportOrder {
  std::string camera_id;
  UtcTime start;  // when its first shown frame was
  std::vector<std::string> labels;
  Priority priority = Priority::normal;
  bool upload = true;
  int64_t size_bytes = 0;
  int64_t min_free_bytes = 0;  // as of retention (storage.min_free_bytes)
};

// ClipImport is an MP4 from elsewhere that is becoming a clip. While it comes, it is a file among what every start
// removes (Layout::work), with its room on the disk taken at the beginning; then it is looked into, and its bytes,
// which stay as they are, become the file of a clip as others are. Used by one thread at a time; not the main loop, as
// most of it waits for the disk. Destruction without finish() removes the file.
//
// When it has its place in clips/ and a row, which finish() gives it, a kill leaves what recovery makes a clip of
// (clip.recovered); before, nothing.
class ClipImport {
 public:
  struct Context {
    const Layout& layout;
    const Volume* volume;  // null in tests: not checked
    Catalog& catalog;
    const Clock& clock;
  };
  struct Imported {
    Clip clip;
    bool was_there = false;  // the same file, of the same instant: this is that clip, and nothing is new
  };

  // no_space: it would not leave half of min_free_bytes, the other half being what retention has to make room in; or
  // the disk is full, with nothing that may be deleted.
  static Result<std::unique_ptr<ClipImport>> begin(ImportOrder order, const Context& context);
  ~ClipImport();

  Status write(std::string_view bytes);
  // All has been written. unsupported, invalid_argument: it is no clip that we can take, and why; timed_out: reading it
  // takes too long; cancelled. An error leaves nothing behind.
  Result<Imported> finish(const std::stop_token& stop);

 private:
  ClipImport(ImportOrder order, const Context& context);
  Status open();
  Status take_room();
  Status place(const Clip& clip);
  Status place_note(const Clip& clip, const std::filesystem::path& note) const;
  void take_back(const Clip& clip);

  const ImportOrder order_;
  const Context context_;
  const std::string clip_id_;
  const std::filesystem::path work_;
  Fd fd_;
  Sha256 sha256_;
  int64_t written_ = 0;
};

}  // namespace vedette
