#pragma once

#include <filesystem>
#include <string>

#include "core/clock.h"
#include "media/container.h"

namespace vedette {

// Where things lie in the storage folder and in the bucket. Paths and keys are built from validated ids and numbers
// only, never from text that came from outside.
//
//   vedette.db  commands.journal  volume.json  boots.json  clips/.work/{clip_id}.{mp4|ts|flv}  snapshots/(same).jpg
//   quarantine/
//   clips/{camera_id}/{YYYY}/{MM}/{DD}/{clip_id}.{mp4[.part]|ts|flv|jpg|json}
//   {prefix}{device_id}/{camera_id}/{YYYY}/{MM}/{DD}/{clip_id}.{mp4|ts|flv|jpg|json}
//   diagnostics/{id}.tar.gz  {prefix}{device_id}/diagnostics/{id}.tar.gz
struct Layout {
  std::filesystem::path root;  // storage.path
  std::string device_id;
  std::string key_prefix;  // upload.prefix

  std::filesystem::path database() const { return root / "vedette.db"; }
  std::filesystem::path command_journal() const { return root / "commands.journal"; }
  std::filesystem::path upload_folder_memory() const { return root / "upload-folder"; }
  std::filesystem::path volume_file() const { return root / "volume.json"; }
  std::filesystem::path boots() const { return root / "boots.json"; }
  std::filesystem::path reserve() const { return root / "reserve"; }
  std::filesystem::path command_reserve() const { return root / "reserve.command"; }
  std::filesystem::path clips() const { return root / "clips"; }
  // Clips that are made of others, come from elsewhere or get another container, until they are whole. Emptied at
  // start. On the file system of the clips, and no camera's folder.
  std::filesystem::path work() const { return clips() / ".work"; }
  std::filesystem::path quarantine() const { return root / "quarantine"; }
  std::filesystem::path absolute(const std::string& relative) const { return root / relative; }

  // Relative to root. The day is that of `t` in UTC. An open clip is an MP4, whatever it is to be.
  static std::string clip_path(const std::string& camera_id, const std::string& clip_id, UtcTime t);
  static std::string snapshot_path(const std::string& camera_id, const std::string& snapshot_id, UtcTime t);
  // The picture beside a clip; the path may be absolute as well.
  static std::filesystem::path poster_path(std::filesystem::path clip) { return clip.replace_extension(".jpg"); }
  // Beside an imported clip: what other clips say of themselves in their files.
  static std::filesystem::path note_path(std::filesystem::path clip) { return clip.replace_extension(".json"); }
  static std::string diagnostics_path(const std::string& id) { return "diagnostics/" + id + ".tar.gz"; }
  static std::filesystem::path part_path(const std::filesystem::path& path) { return path.string() + ".part"; }
  // The same path for a file of that container.
  static std::filesystem::path with_container(std::filesystem::path path, Container container) {
    return path.replace_extension(container_name(container));
  }

  // By the path of its file: like that it keeps the day that it was given, whatever the clip is dated later.
  std::string clip_key(const std::string& path) const;
  std::string diagnostics_key(const std::string& id) const {
    return key_prefix + device_id + "/" + diagnostics_path(id);
  }
  std::string snapshot_key(const std::string& camera_id, const std::string& snapshot_id, UtcTime t) const;
};

}  // namespace vedette
