-- Eligible responders of one ring around an incident, no more than ids and places: posted inside of the areas `:inside`
-- (ids of grids, a minus meaning the grid itself and not what lies below) and outside of `:outside`, within `:radius_m`
-- in the plane, the nearest `:limit` of them (null: all). Up to `:surely_m` in the plane nobody is too far on the ground.
-- The KNN index answers: OFFSET 0 keeps the planner from judging all conditions together, which it takes for so
-- selective that it would sort. Nothing is locked here (see `claim.sql`).
WITH place AS MATERIALIZED (
    SELECT ST_SetSRID(ST_MakePoint(:x, :y), :srid) AS point
)
SELECT r.worker_id, ST_X(r.point) AS x, ST_Y(r.point) AS y, r.plane_m
FROM (
    SELECT n.*, n.point <-> (SELECT point FROM place) AS plane_m
    FROM responder AS n
    WHERE n.on_duty AND n.load < n.cap AND n.areas @> CAST(:inside AS int[])
        AND (NOT :needs_skill OR n.skills && CAST(:skills AS int[]))
        AND ST_DWithin(n.point, (SELECT point FROM place), :radius_m)
    ORDER BY n.point <-> (SELECT point FROM place)
    OFFSET 0
) AS r
WHERE r.load < :cap AND r.pool = ANY (CAST(:pools AS text[])) AND NOT r.areas && CAST(:outside AS int[])
    AND (NOT :needs_post OR r.post = ANY (CAST(:posts AS text[])))
    AND (NOT :needs_origin OR r.origin = ANY (CAST(:origins AS text[])))
    AND r.worker_id <> ALL (CAST(:declined AS bigint[])) AND r.worker_id <> ALL (CAST(:sent AS bigint[]))
    AND (r.finished_at IS NULL OR r.finished_at <= :rested)
    AND (NOT :excludes_stale OR r.positioned_at IS NULL OR r.positioned_at >= :fresh_since)
    AND starts_with(r.grid_code, :scope)
    AND (r.plane_m <= :surely_m OR ST_Distance(ST_Transform(r.point, 4490)::geography,
        ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) <= :max_distance_m)
ORDER BY r.plane_m
LIMIT :limit
