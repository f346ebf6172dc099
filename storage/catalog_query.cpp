// The part of the Catalog that answers clip.query and timeline.query.
#include <nlohmann/json.hpp>
#include <variant>

#include "storage/catalog.h"
#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/page_cursor.h"

namespace vedette {

namespace {

// The order of a page, in its cursor.
char order_of(const ClipQuery& query) {
  return query.newest_first ? 'd' : 'a';
}

// Clips that overlap an instant cannot have begun before this: one probe of an index each, instead of reading all that
// is older.
Result<int64_t> earliest_start(Database::Access& db, UtcTime from) {
  auto row = db.prepare(
                   "SELECT min(?1 - coalesce((SELECT max(end_us - start_us) FROM clip), 0), "
                   "coalesce((SELECT min(start_us) FROM clip WHERE end_us IS NULL), ?1))")
                 .bind(1, to_us(from));
  const int64_t start = row.step() ? row.integer(0) : 0;
  if (auto status = row.status(); !status) return status.error_as_is();
  return start;
}

// Puts a statement together, and keeps what is to be bound until there is a statement.
class Selection {
 public:
  explicit Selection(const ClipQuery& query) {
    // Labels come first: what has them is found in the order of the page, whatever else is in the catalog.
    if (!query.labels.empty()) key_ = 'l';
    sql_.append("SELECT ").append(clip_row::kColumns);
    sql_ += query.labels.empty() ? " FROM clip c " : " FROM clip_label l CROSS JOIN clip c ON c.clip_id = l.clip_id ";
    sql_.append(clip_row::kJoinUpload).append(" WHERE true");
    for (size_t i = 0; i < query.labels.size(); ++i) {
      if (i == 0)
        condition("l.label = ?", query.labels[i]);
      else
        condition("EXISTS (SELECT 1 FROM clip_label m WHERE m.clip_id = c.clip_id AND m.label = ?)", query.labels[i]);
    }
    if (query.camera_id) condition("c.camera_id = ?", *query.camera_id);
    if (!query.states.empty()) condition("c.state IN (SELECT value FROM json_each(?))", names(query.states));
  }

  void overlapping(const ClipQuery& query, int64_t earliest_start_us) {
    if (query.from) {
      condition(std::string(1, key_) + ".start_us >= ?", earliest_start_us);
      condition("(c.end_us IS NULL OR c.end_us > ?)", to_us(*query.from));
    }
    if (query.to) condition(std::string(1, key_) + ".start_us < ?", to_us(*query.to));
  }

  void after(const Place& place, bool newest_first) {
    sql_ += " AND (";
    add_order("");
    sql_ += newest_first ? ") < (?, ?)" : ") > (?, ?)";
    values_.emplace_back(place.at_us);
    values_.emplace_back(place.id);
  }

  void order(bool newest_first, int64_t limit) {
    sql_ += " ORDER BY ";
    add_order(newest_first ? " DESC" : "");
    sql_ += " LIMIT ?";
    values_.emplace_back(limit);
  }

  Database::Statement prepare(Database::Access& db) const {
    auto statement = db.prepare(sql_);
    int index = 0;
    for (const auto& value : values_) {
      ++index;
      if (const auto* number = std::get_if<int64_t>(&value))
        statement.bind(index, *number);
      else
        statement.bind(index, std::get<std::string>(value));
    }
    return statement;
  }

 private:
  using Value = std::variant<int64_t, std::string>;

  void add_order(std::string_view direction) {
    sql_.append(1, key_).append(".start_us").append(direction).append(", ");
    sql_.append(1, key_).append(".clip_id").append(direction);
  }

  void condition(std::string_view text, Value value) {
    sql_.append(" AND ").append(text);
    values_.push_back(std::move(value));
  }

  static std::string names(const std::vector<ClipState>& states) {
    Json json = Json::array();
    for (const ClipState state : states) json.push_back(to_string(state));
    return to_text(json);
  }

  char key_ = 'c';  // the table whose start_us and clip_id give the order
  std::string sql_;
  std::vector<Value> values_;
};

}  // namespace

Result<ClipPage> Catalog::query(const ClipQuery& query) const {
  if (query.limit < 1) return fail(Code::invalid_argument, "limit: must be at least 1");
  Selection selection(query);
  std::optional<Place> place;
  if (!query.cursor.empty()) {
    auto parsed = parse_cursor(order_of(query), query.cursor);
    if (!parsed) return parsed.error_as_is();
    place = std::move(*parsed);
  }
  ClipPage page;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    const auto earliest = query.from ? earliest_start(db, *query.from) : Result<int64_t>(0);
    if (!earliest) return earliest.error_as_is();
    selection.overlapping(query, *earliest);
    if (place) selection.after(*place, query.newest_first);
    selection.order(query.newest_first, int64_t{query.limit} + 1);  // one more tells whether there is a next page
    auto row = selection.prepare(db);
    while (row.step()) page.clips.push_back(clip_row::read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  if (page.clips.size() > static_cast<size_t>(query.limit)) {
    page.clips.pop_back();
    const Clip& last = page.clips.back();
    page.next_cursor = cursor_text(order_of(query), {to_us(last.start), last.clip_id});
  }
  return page;
}

Result<std::optional<Clip>> Catalog::clip_like(const std::string& camera_id, UtcTime start,
                                               const std::string& sha256) const {
  static const std::string kSelect =
      clip_row::select("WHERE c.camera_id = ?1 AND c.start_us = ?2 AND c.sha256 = ?3 AND c.state = 'ready' LIMIT 1");
  std::optional<Clip> clip;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelect);
    row.bind(1, camera_id).bind(2, to_us(start)).bind(3, sha256);
    if (row.step()) clip = clip_row::read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return clip;
}

Result<Catalog::Held> Catalog::hold(const std::string& camera_id, UtcTime from, UtcTime to, int most) {
  static const std::string kSelect = clip_row::select(
      "WHERE c.camera_id = ?1 AND c.start_us >= ?2 AND c.start_us < ?3 AND (c.end_us IS NULL OR c.end_us > ?4) "
      "AND c.state <> 'deleting' ORDER BY c.start_us LIMIT ?5");
  Held held;
  // Nothing begins to be deleted before it is held: deleting needs the same lock.
  const auto status = database_.read([&](Database::Access& db) -> Status {
    const auto earliest = earliest_start(db, from);
    if (!earliest) return earliest.error_as_is();
    auto row = db.prepare(kSelect);
    row.bind(1, camera_id).bind(2, *earliest).bind(3, to_us(to)).bind(4, to_us(from)).bind(5, int64_t{most});
    std::vector<std::string> ids;
    while (row.step()) {
      Clip clip = clip_row::read(row);
      if (clip.container != Container::mp4 || is_imported(clip)) {
        held.unreadable.push_back(
            {clip.start, clip.end.value_or(to), is_imported(clip) ? "imported" : "other_container"});
        continue;
      }
      ids.push_back(clip.clip_id);
      held.clips.push_back(std::move(clip));
    }
    held.hold = holds_.hold(std::move(ids));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return held;
}

Result<std::vector<ClipSpan>> Catalog::spans(const std::string& camera_id, UtcTime from, UtcTime to, int most) const {
  std::vector<ClipSpan> spans;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    const auto earliest = earliest_start(db, from);
    if (!earliest) return earliest.error_as_is();
    auto row = db.prepare(
        "SELECT start_us, end_us, gaps FROM clip WHERE camera_id = ?1 AND start_us >= ?2 AND start_us < ?3 "
        "AND (end_us IS NULL OR end_us > ?4) AND state <> 'deleting' ORDER BY start_us LIMIT ?5");
    row.bind(1, camera_id).bind(2, *earliest).bind(3, to_us(to)).bind(4, to_us(from)).bind(5, int64_t{most});
    while (row.step()) {
      spans.push_back({from_us(row.integer(0)), {}, clip_row::gaps_from(row.text(2))});
      if (!row.is_null(1)) spans.back().end = from_us(row.integer(1));
    }
    return row.status();
  });
  if (!status) return status.error_as_is();
  return spans;
}

}  // namespace vedette
