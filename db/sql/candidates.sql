-- The nearest eligible responders of one ring around an incident: posted inside of the areas `:inside` (ids of grids, a
-- minus meaning the grid itself and not what lies below) and outside of `:outside`. The KNN index answers; nothing is
-- locked here (see `claim.sql`), and `governance.dispatch.rank` orders them.
WITH place AS MATERIALIZED (
    SELECT ST_SetSRID(ST_MakePoint(:x, :y), :srid) AS point, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom
), near AS MATERIALIZED (
    SELECT r.*, r.point <-> (SELECT point FROM place) AS plane_m
    FROM responder AS r
    WHERE r.on_duty AND r.load < r.cap AND r.load < :cap AND r.pool = ANY (CAST(:pools AS text[]))
        AND r.areas @> CAST(:inside AS int[]) AND NOT r.areas && CAST(:outside AS int[])
        AND (NOT :needs_skill OR r.skills && CAST(:skills AS int[]))
        AND (NOT :needs_post OR r.post = ANY (CAST(:posts AS text[])))
        AND (NOT :needs_origin OR r.origin = ANY (CAST(:origins AS text[])))
        AND r.worker_id <> ALL (CAST(:declined AS bigint[]))
        AND (r.finished_at IS NULL OR r.finished_at <= :rested)
        AND (NOT :excludes_stale OR r.positioned_at IS NULL OR r.positioned_at >= :fresh_since)
        AND starts_with(r.grid_code, :scope)
    ORDER BY r.point <-> (SELECT point FROM place)
    LIMIT :limit
)
SELECT w.id AS worker_id, w.code, mask_name(w.full_name) AS name, w.post, w.origin, w.grid_code, r.pool, r.on_duty,
    r.load, least(r.cap, :cap) AS cap, r.skills, r.positioned_at, r.idle_since, r.finished_at,
    ST_X(at.geom) AS lon, ST_Y(at.geom) AS lat, ST_X(r.point) AS x, ST_Y(r.point) AS y, r.plane_m,
    ST_Distance(at.geom::geography, place.geom::geography) AS distance_m,
    ARRAY(
        SELECT g.code FROM grid AS g WHERE g.id = ANY (r.areas)
        ORDER BY array_position(ARRAY['building', 'quarter', 'community', 'street'], g.level)
    ) AS grid_chain
FROM near AS r
JOIN worker AS w ON w.id = r.worker_id
CROSS JOIN place
CROSS JOIN LATERAL (SELECT ST_Transform(r.point, 4490) AS geom) AS at
ORDER BY r.plane_m, w.id
