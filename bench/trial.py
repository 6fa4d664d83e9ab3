"""The trial: drawn cases that must end well or with a clear error, never with a wrong result that nobody is told of.

Each kind of case is a function that draws one from its own seed, so that a case which failed can be run again alone:

    laws       rasters, masks, grids, splits and scores that are drawn, against a plain computation of the same
    broken     files of every format that are cut off, flipped, zeroed or replaced
    nonsense   arguments, networks and files that make no sense
    kills      maps, shards, mosaics, stores and models whose process is killed again and again (SIGKILL, every third time Ctrl-C)
    disks      the same writers on a disk that fills (a tmpfs of a drawn size; needs root on Linux)
    hostile    saved models whose facts or weights were changed and sealed anew
    pairs      two processes, or several shards, on one map at once
    forks      a map, then a fork, then a map in the child

Cases run in a process of their own, so that a crash is counted and not suffered; one that takes more than a minute counts as hanging. What a
format cannot detect (a flipped bit in uncompressed pixels, in JPEG, LZW or Zstandard without checksum) is counted apart.

    python bench/trial.py [--minutes 60 --seed 0 --only laws,kills]
    python bench/trial.py --case laws:123456
"""
import argparse, hashlib, json, os, pickle, random, shutil, signal, subprocess, sys, tempfile, time, traceback, warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
warnings.filterwarnings('ignore')
ap = argparse.ArgumentParser()
ap.add_argument('--minutes', type=float, default=60)
ap.add_argument('--seed', type=int, default=0)
ap.add_argument('--only', default='')
ap.add_argument('--case', default='')
A = ap.parse_args()
import numpy as np, rasterio, torch
from rasterio.windows import Window
import aerialfast.all as af
from aerialfast.grids import Grid
from aerialfast.rasters import Tile,read_patch
from aerialfast.writing import write_mosaic
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler) # a shell starts jobs in the background with Ctrl-C ignored
os.environ.setdefault('AERIALFAST_CACHE', tempfile.mkdtemp())

class Silent(Exception): "A wrong result without a word."

def same(a, b, what, eps=0.):
    a,b = np.asarray(a),np.asarray(b)
    if a.shape!=b.shape: raise Silent(f'{what}: shape {a.shape} instead of {b.shape}')
    if eps==0 and not np.array_equal(a, b, equal_nan=a.dtype.kind=='f'): raise Silent(f'{what}: {(a!=b).sum()} of {a.size} differ')
    if eps and a.size and np.nanmax(np.abs(a.astype(float)-b))>eps: raise Silent(f'{what}: off by {np.nanmax(np.abs(a.astype(float)-b)):.3g}')

# ---- what is drawn

def pick(rng, *options): return rng.choice(options)

def draw_array(rng, dtype, shape, lo=0, hi=255):
    g = np.random.default_rng(rng.randrange(1<<30))
    a = g.integers(lo, hi+1, shape) if rng.random()<.5 else np.add.outer(np.arange(shape[1])*rng.randint(0, 3), np.arange(shape[2]))[None]+g.integers(lo, hi//2+1, (shape[0],1,1))
    return ((a-lo)%(hi-lo+1)+lo).astype(dtype)

def save(path, a, **kw):
    C,h,w = a.shape
    with rasterio.open(path, 'w', driver='GTiff', height=h, width=w, count=C, dtype=a.dtype, **{**dict(crs='EPSG:32633', transform=rasterio.Affine(.5, 0, 5e5, 0, -.5, 5e6)), **kw}) as d: d.write(a)
    return path

def layout(rng):
    kw = dict(compress=pick(rng, None, 'deflate', 'lzw', 'zstd'))
    if rng.random()<.6: kw.update(tiled=True, blockxsize=pick(rng, 16, 64, 128), blockysize=pick(rng, 16, 64, 128))
    return {k: v for k,v in kw.items() if v is not None}

def draw_raster(rng, d, most=160):
    "A file, its pixels, and which of them are valid."
    C,h,w = rng.randint(1, 4),rng.randint(1, most),rng.randint(1, most)
    dtype,nodata = pick(rng, 'uint8', 'uint16', 'int16', 'float32'),None
    a = draw_array(rng, dtype, (C,h,w), 1, 254)
    bad = np.zeros((C,h,w), bool)
    if rng.random()<.5:
        nodata = 0 if dtype!='float32' or rng.random()<.5 else float('nan')
        bad[:] = np.random.default_rng(rng.randrange(1<<30)).random((h,w))<rng.random()*.3
        if rng.random()<.3: bad[:, :h//2] = True
        if rng.random()<.2: bad[:] = True
        if C>1 and rng.random()<.3: bad[rng.randrange(C)] |= np.random.default_rng(rng.randrange(1<<30)).random((h,w))<.2
        a[bad] = nodata
    path = save(d/f'r{rng.randrange(1<<30)}.tif', a, nodata=nodata, **layout(rng), photometric='MINISBLACK')
    return path,a,~bad.all(0),bad

class Pixelwise:
    "Probabilities that depend on the pixel alone: however patches overlap, the blend must be just these."
    def __init__(self, C, top=255.): self.C,self.top = C,top
    def fingerprint(self): return f'pixelwise {self.C} {self.top}'
    def __call__(self, x):
        p = (x[:, :1].float()/self.top).clamp(0, 1)
        return torch.cat([1-p, p], 1) if self.C==2 else p if self.C==1 else torch.cat([(1-p)*.25, (1-p)*.75, *[p/(self.C-2)]*(self.C-2)], 1)

def grid_args(rng):
    return dict(sz=pick(rng, 16, 24, 33, 64, 100, 128), overlap=pick(rng, 0, .1, .25, .5, .7), weights=pick(rng, 'hann', 'context', 'gauss', 'flat', 'crop'))

# ---- laws

def law_weights(rng, d):
    g = Grid((rng.randint(1, 400), rng.randint(1, 400)), **grid_args(rng))
    for n,starts,w in zip(g.padded, (g.ys,g.xs), (g.wy,g.wx)):
        total = np.zeros(n)
        for s,v in zip(starts, w): total[s:s+g.sz] += v
        same(total, np.ones(n), f'weights of {g}', 1e-5)

def law_patch(rng, d):
    path,a,valid,_ = draw_raster(rng, d)
    t,(C,h,w) = Tile(path),a.shape
    y,x,sz = rng.randint(-h, h-1),rng.randint(-w, w-1),rng.randint(1, 90)
    px,ok = read_patch(t, (y,x), sz)
    ok = np.ones((sz,sz), bool) if ok is None else ok
    full = np.zeros((sz,sz), bool); want = np.zeros((C,sz,sz), a.dtype)
    y0,x0,y1,x1 = max(y,0),max(x,0),min(y+sz,h),min(x+sz,w)
    if y1>y0 and x1>x0:
        full[y0-y:y1-y, x0-x:x1-x] = valid[y0:y1, x0:x1]; want[:, y0-y:y1-y, x0-x:x1-x] = a[:, y0:y1, x0:x1]
    same(ok, full, 'validity of a patch'); same(px[:,full][px[:,full]!=0], want[:,full][px[:,full]!=0], 'pixels of a patch')

def law_stream(rng, d):
    path,a,valid,_ = draw_raster(rng, d)
    t,C,kw = Tile(path),pick(rng, 1, 2, 3, 5),grid_args(rng)
    m = pick(rng, 0, 0, 5, kw['sz']//2)
    out,ok = np.full((C,*t.shape), np.nan, np.float32),np.zeros(t.shape, bool)
    for r in af.stream_probs(Pixelwise(C), t, Grid(t.shape, **kw, margin=m), bs=rng.randint(1, 5)):
        n = len(r.valid); out[:, r.y:r.y+n],ok[r.y:r.y+n] = r.probs,r.valid
    want = Pixelwise(C)(torch.from_numpy(np.nan_to_num(a.astype(np.float32)))[None])[0].numpy()
    same(ok, valid, f'validity stitched, {kw}'); same(out[:,valid], want[:,valid], f'probabilities stitched, {kw}', 2e-6)

def law_map(rng, d):
    path,a,valid,_ = draw_raster(rng, d)
    C,thresh = pick(rng, 1, 2, 3),None
    if C<3 and rng.random()<.5: thresh = round(rng.random()*.8+.1, 3)+1e-4
    kw = dict(grid_args(rng), memory=pick(rng, 1000, 1000, 12), bs=rng.randint(1, 3))
    dst = af.predict_tile(Pixelwise(C), path, d/'map.tif', outputs='classes', thresh=thresh, **kw)
    p = Pixelwise(C)(torch.from_numpy(np.nan_to_num(a.astype(np.float32)))[None])[0].numpy()
    want = (p[-1]>=np.float32(.5 if thresh is None else thresh)) if C<3 else p.argmax(0)
    near = np.abs(p[-1]-(.5 if thresh is None else thresh))<1e-5 if C<3 else np.sort(p, 0)[-1]-np.sort(p, 0)[-2]<1e-5
    with rasterio.open(dst) as m, rasterio.open(path) as s:
        got = m.read(1)
        if (m.crs,m.transform,m.shape,m.nodata)!=(s.crs,s.transform,s.shape,255): raise Silent('the map lies elsewhere')
    same(got==255, ~valid, 'void of a map'); same(got[valid&~near], want[valid&~near], f'classes of a map, {kw}')

def law_shards(rng, d):
    path,*_ = draw_raster(rng, d)
    kw,n = dict(grid_args(rng), outputs=pick(rng, 'classes', 'probs')),rng.randint(2, 4)
    whole = Path(af.predict_tile(Pixelwise(2), path, d/'whole.tif', **kw)).read_bytes()
    for k in rng.sample(range(n), n): af.predict_tile(Pixelwise(2), path, d/'parts.tif', shard=(k,n), bs=rng.randint(1, 3), **kw)
    if Path(af.predict_tile(Pixelwise(2), path, d/'parts.tif', **kw)).read_bytes()!=whole: raise Silent('shards give another map')

def law_mosaic(rng, d):
    path,a,valid,bad = draw_raster(rng, d)
    t = Tile(path)
    with rasterio.open(path) as s: nodata,photo = s.nodata,dict(photometric='MINISBLACK')
    if min(t.shape)<4: return
    (d/'parts').mkdir()
    for k,q in enumerate(t.cut(rng.randint(1, 3), rng.randint(1, 3))): save(d/'parts'/f'{k}.tif', q.raw(0, 0, q.h, q.w), transform=q.transform, nodata=nodata, **layout(rng), **photo)
    for other in (Tile(d/'parts'), Tile(write_mosaic(d/'parts', d/f"m{pick(rng, '.tif', '.vrt')}"))):
        px,ok = other.read(0, 0, *other.shape)
        same(np.ones(t.shape, bool) if ok is None else ok, valid, 'validity of a mosaic')
        same(px, t.read(0, 0, *t.shape)[0], 'pixels of a mosaic')

def law_scale(rng, d):
    path,a,valid,bad = draw_raster(rng, d)
    if bad.all((1,2)).any(): return
    s = af.measure_scale([Tile(path)])
    for c in range(len(a)):
        v = a[c][~bad[c]].astype(float)
        same([s.mean[c]], [v.mean()], 'mean of a band', 1e-3*max(1, abs(v.mean())))
        if v.std()>0: same([s.std[c]], [v.std()], 'std of a band', 1e-3*max(1, v.std()))

def law_curves(rng, d):
    h,w,n = rng.randint(1, 60),rng.randint(1, 60),pick(rng, 2, 2, 4)
    g = np.random.default_rng(rng.randrange(1<<30))
    m = g.integers(0, n, (h,w)).astype(np.uint8); m[g.random((h,w))<.1] = 255
    p = g.random((n,h,w)).astype(np.float32); p /= p.sum(0)
    c = af.ThresholdCurves(n).update(p, m)
    k,known = c.classes[-1],m!=255
    same([c.counts_of(k).sum()], [known.sum()], 'pixels counted')
    if not (m[known]==k).any() or (m[known]==k).all(): return
    cut = c.best('iou', k)
    on,there = (p[k]>=np.float32(cut.thresh))&known,(m==k)
    same([cut.iou], [(on&there).sum()/(on|there).sum()], 'IoU at the threshold', 1e-9)
    for t in g.random(5):
        t = np.float32(np.floor(t*65536)/65536); o = (p[k]>=t)&known
        if (o&there).sum()/max(1, (o|there).sum())>cut.iou+1e-9: raise Silent('a better threshold was missed')

def law_evaluate(rng, d):
    h,w,n = rng.randint(1, 200),rng.randint(1, 200),pick(rng, 2, 2, 4)
    g = np.random.default_rng(rng.randrange(1<<30))
    pred,truth = (g.integers(0, n, (h,w)).astype(np.uint8) for _ in range(2))
    pred[g.random((h,w))<.05] = 255; truth[g.random((h,w))<.05] = 255
    save(d/'p.tif', pred[None], nodata=255); save(d/'t.tif', truth[None])
    known = (pred!=255)&(truth!=255)
    codes = [f'c{i}' for i in range(n)]
    got = af.evaluate(d/'p.tif', af.MaskTile(d/'t.tif', af.MaskValues(codes))).total.counts
    want = np.zeros((n,n), int); np.add.at(want, (truth[known],pred[known]), 1)
    same(got, want, 'confusion of a map')

def law_values(rng, d):
    n = rng.randint(2, 5)
    vals = rng.sample(range(0, 254), n)
    a = np.random.default_rng(rng.randrange(1<<30)).integers(0, n+1, (1, rng.randint(1, 50), rng.randint(1, 50)))
    table = np.array([*vals, 255])
    save(d/'m.tif', table[a].astype(pick(rng, 'uint8', 'int16', 'uint16')))
    t = af.MaskTile(d/'m.tif', af.MaskValues({f'c{i}': v for i,v in enumerate(vals)}))
    same(t.read(0, 0, *t.shape), np.array([*range(n), 255])[a[0]], 'classes of a mask')

def law_shapes(rng, d):
    import geopandas as gpd, shapely
    h,w = rng.randint(20, 120),rng.randint(20, 120)
    save(d/'i.tif', np.ones((1,h,w), np.uint8))
    def polygon():
        cx,cy,r = 5e5+rng.random()*w*.5,5e6-rng.random()*h*.5,rng.random()*15+1
        return shapely.Polygon([(cx+r*rng.random()*np.cos(t),cy+r*rng.random()*np.sin(t)) for t in np.linspace(0, 6.2, rng.randint(4, 60))])
    gdf = gpd.GeoDataFrame(geometry=[polygon().buffer(0.01) for _ in range(rng.randint(1, 12))], crs='EPSG:32633')
    m = af.ShapeMask(Tile(d/'i.tif'), af.Shapes(gdf, ['ground','thing'], all_touched=rng.random()<.3))
    whole = rasterio.features.rasterize([(g,1) for g in gdf.geometry], out_shape=(h,w), transform=m.tile.transform, all_touched=m.coding.all_touched, dtype='uint8')
    same(m.read(0, 0, h, w), whole, 'shapes burned whole')
    y,x = rng.randrange(h),rng.randrange(w); n,k = rng.randint(1, h-y),rng.randint(1, w-x)
    same(m.read(y, x, n, k), whole[y:y+n, x:x+k], 'shapes burned in a window')

def law_split(rng, d):
    from aerialfast.splits import TileSplitter, FoldSplitter
    n,res = rng.randint(4, 14),.5
    tiles = []
    for k in range(n):
        y,x,s = rng.randint(0, 60)*8,rng.randint(0, 60)*8,rng.randint(2, 12)*8
        p = save(d/f'{pick(rng, "a", "b")}_{k}.tif', np.ones((1,s,s), np.uint8), transform=rasterio.Affine(res, 0, 5e5+x*res, 0, -res, 5e6-y*res)); tiles.append((Tile(p),y,x,s))
    split = TileSplitter() if rng.random()<.5 else FoldSplitter(2, rng.randrange(2))
    with warnings.catch_warnings(record=True) as told_:
        warnings.simplefilter('always')
        try: train,valid = split([t for t,*_ in tiles])
        except ValueError: return 'refused' # everything hangs together
    lost = set(range(n))-{*train,*valid}
    if {*train}&{*valid} or lost and not any('left out' in str(w.message) for w in told_): raise Silent('tiles were lost by a split')
    for i in train:
        for j in valid:
            (_,y,x,s),(_,v,u,r) = tiles[i],tiles[j]
            hy,wx = min(y+s, v+r)-max(y, v),min(x+s, u+r)-max(x, u)
            if hy>0 and wx>0 and hy*wx>.011*min(s, r)**2: raise Silent(f'{hy*wx} px of held-out ground are trained on')

def law_windows(rng, d):
    n,sz = rng.randint(1, 3),pick(rng, 8, 16, 33)
    shapes = [(rng.randint(sz, 90),rng.randint(sz, 90)) for _ in range(n)]
    seen = [np.zeros(s, int) for s in shapes]
    for i,y,x in af.grid_windows(shapes, sz): seen[i][y:y+sz, x:x+sz] += 1
    if any((s==0).any() for s in seen): raise Silent('the grid leaves pixels out')

def law_writer(rng, d):
    from aerialfast.writing import RasterWriter
    path,a,valid,_ = draw_raster(rng, d)
    t = Tile(path)
    with RasterWriter(d/'w.tif', t, len(a), a.dtype, block=pick(rng, 64, 256), overviews=rng.random()<.3) as out:
        y = 0
        while y<t.h: n = min(rng.randint(1, 70), t.h-y); out.write(a[:, y:y+n]); y += n
    with rasterio.open(d/'w.tif') as s: same(s.read(), a, 'a raster that was written')

def law_chips(rng, d):
    path,a,valid,bad = draw_raster(rng, d)
    t,sz = Tile(path),pick(rng, 16, 32)
    if min(t.shape)<sz: return 'too small'
    af.write_chips([t], None, d/'chips', sz=sz, overlap=pick(rng, 0, .5))
    for p in rng.sample(sorted((d/'chips'/'images').iterdir()), 1):
        c = Tile(p); y,x = map(int, p.stem.split('_')[-2:]); win = (slice(y,y+sz),slice(x,x+sz))
        px,ok = c.read(0, 0, sz, sz)
        same(np.ones((sz,sz), bool) if ok is None else ok, valid[win], 'validity of a chip')
        same(px[~bad[:, win[0], win[1]]], a[:, win[0], win[1]][~bad[:, win[0], win[1]]], 'pixels of a chip')
        if (c.origin.name,c.origin.y,c.origin.x)!=(t.origin.name,y,x): raise Silent(f'a chip has forgotten where it comes from: {c.origin}')

def law_store(rng, d):
    path,a,valid,bad = draw_raster(rng, d, 60)
    (d/'i').mkdir(); (d/'m').mkdir()
    m = np.random.default_rng(rng.randrange(1<<30)).integers(0, 2, (1,*valid.shape)).astype(np.uint8); m.flat[0] = 0; m.flat[-1] = 1
    if m.size<4 or bad.all((1,2)).any(): return 'too small'
    for k in 'ab':
        shutil.copy(path, d/'i'/f'{k}_1.tif'); save(d/'m'/f'{k}_1.tif', m, transform=rasterio.Affine(.5, 0, 5e5+(k=='b')*9000, 0, -.5, 5e6))
        with rasterio.open(d/'i'/f'{k}_1.tif', 'r+') as s: s.transform = rasterio.Affine(.5, 0, 5e5+(k=='b')*9000, 0, -.5, 5e6)
    dls = af.TileDataLoaders.from_folder(d, ['n','y'], images='i', masks='m', valid='b', sz=16, bs=1)
    again = af.TileDataLoaders.from_store(af.store_tiles(dls, d/'s.h5'), valid='b', sz=16, bs=1)
    for one,two in zip(dls.loaders, again.loaders):
        for (t,m1),(u,m2) in zip(one.tiles, two.tiles):
            (px,ok),(qx,qk) = t.read(0, 0, *t.shape),u.read(0, 0, *t.shape)
            same(np.ones(t.shape, bool) if ok is None else ok, np.ones(t.shape, bool) if qk is None else qk, 'validity of a store')
            same(qx[:,valid], px[:,valid], 'pixels of a store'); same(m2.read(0, 0, *t.shape), m1.read(0, 0, *t.shape), 'classes of a store')

def law_loader(rng, d):
    h,w,sz = rng.randint(40, 200),rng.randint(40, 200),pick(rng, 16, 32)
    a = np.arange(h*w, dtype=np.int32).reshape(1, h, w); (d/'i').mkdir(); (d/'m').mkdir()
    for k in 'ab': save(d/'i'/f'{k}_1.tif', a, **layout(rng), transform=rasterio.Affine(.5, 0, 5e5+(k=='b')*9000, 0, -.5, 5e6)); save(d/'m'/f'{k}_1.tif', (a%2).astype(np.uint8), transform=rasterio.Affine(.5, 0, 5e5+(k=='b')*9000, 0, -.5, 5e6))
    dls = af.TileDataLoaders.from_folder(d, ['even','odd'], images='i', masks='m', valid='b', sz=sz, bs=4, batch_tfms=[], scale=af.Scale([0.], [1.]), reuse=pick(rng, 1, 1, 3), n=pick(rng, 8, 40), sampler=pick(rng, None, 'balanced'))
    for dl in dls.loaders:
        seen = np.zeros(h*w, bool)
        for x,y in dl:
            x,y = x.numpy()[:,0],y.numpy()
            if ((x%2!=y)&(y!=255)).any(): raise Silent('a mask does not belong to its pixels')
            if (np.diff(x, axis=2)!=1).any() or (np.diff(x, axis=1)!=w).any(): raise Silent('a patch is no window of its tile')
            seen[x.astype(int).ravel()] = True
        if dl is dls.valid and not seen.all(): raise Silent(f'{(~seen).sum()} validation pixels were not seen')

LAWS = [law_chips, law_store, law_loader, law_weights, law_patch, law_patch, law_stream, law_stream, law_map, law_shards, law_mosaic, law_scale, law_curves, law_evaluate, law_values, law_shapes, law_split, law_windows, law_writer]
def laws(rng, d): return rng.choice(LAWS)(rng, d) or 'holds'

# ---- broken files

CLEAR = (ValueError, OSError, RuntimeError, TypeError, MemoryError, ImportError, BlockingIOError)
def told(e, name):
    "Is it an error that says which file it is about?"
    if not isinstance(e, CLEAR): raise Silent(f'{type(e).__name__} is no clear error: {e}')
    if name not in str(e): raise Silent(f'{type(e).__name__} does not name {name}: {str(e)[:200]}')
    return 'refused'

def damage(rng, b):
    "Changed bytes, and how."
    b,how = bytearray(b),pick(rng, 'cut', 'cut', 'flip', 'zeros', 'noise', 'empty', 'text', 'twice')
    k = rng.randrange(max(1, len(b)))
    if how=='cut': b = b[:k]
    if how=='flip':
        for _ in range(rng.randint(1, 4)): b[rng.randrange(len(b))] ^= 1<<rng.randrange(8)
    if how=='zeros': b[k:k+rng.randint(16, 4000)] = bytes(len(b[k:k+rng.randint(16, 4000)]))
    if how=='noise': n = len(b[k:k+200]); b[k:k+n] = rng.randbytes(n)
    if how=='empty': b = bytearray()
    if how=='text': b = bytearray(b'not what it should be\n'*rng.randint(1, 50))
    if how=='twice': b += b[k:]
    return bytes(b),how

WEAK = ('edge','plain','lzw','zstd','jpg','jp2','h5') # formats without a checksum over their pixels
def sources(d):
    "Good files of each format, made once for each process."
    if (d/'good').exists(): return d/'good'
    g = d/'good'; g.mkdir()
    a = np.random.default_rng(1).integers(1, 255, (3,96,128)).astype(np.uint8)
    for k in ('deflate','lzw','zstd'): save(g/f'{k}.tif', a, compress=k, tiled=True, blockxsize=32, blockysize=32)
    save(g/'edge.tif', a, compress='deflate', tiled=True, blockxsize=80, blockysize=80) # of a block that sticks out only what is needed is decoded, and its checksum not compared
    save(g/'plain.tif', a); save(g/'strips.tif', a, compress='deflate')
    for ext,driver in (('png','PNG'), ('jpg','JPEG'), ('jp2','JP2OpenJPEG')):
        with rasterio.open(g/f'{ext}.{ext}', 'w', driver=driver, height=96, width=128, count=3, dtype='uint8') as s: s.write(a)
    return g

def broken_raster(rng, d):
    good = rng.choice(sorted(p for p in sources(d).iterdir() if p.suffix in ('.tif','.png','.jpg','.jp2')))
    data,how = damage(rng, good.read_bytes())
    p = d/f'x{rng.randrange(1<<30)}{good.suffix}'; p.write_bytes(data)
    want = Tile(good).raw(0, 0, 96, 128)
    try:
        t = Tile(p)
        if t.shape!=(96,128) or t.n_bands!=3 or t.dtype!=np.uint8: return 'another' # the header says so: nobody can know better
        got = t.raw(0, 0, 96, 128) if rng.random()<.5 else np.concatenate([t.raw(y, 0, 32, 128) for y in (0,32,64)], 1)
    except Exception as e: return told(e, p.name)
    finally: p.unlink(missing_ok=True)
    if np.array_equal(got, want): return 'same'
    if how in ('flip','zeros','noise','twice') and (good.stem in WEAK): return 'weak format'
    if how=='cut' and good.stem in ('jpg','jp2'): return 'weak format' if good.stem=='jp2' else (_ for _ in ()).throw(Silent(f'{good.name} cut off reads'))
    if good.suffix=='.tif' and how in ('flip','zeros','noise','twice') and header_differs(data, good): return 'another'
    raise Silent(f'{good.name}, {how}: other pixels without a word')

def header_differs(data, good):
    "Was the directory of a GeoTIFF changed? It has no checksum; it lies before or behind the blocks."
    import struct
    b = good.read_bytes()
    with rasterio.open(good) as s:
        spans = [(int(o), int(n)) for b_ in (1,) for (j,i),_ in s.block_windows(1)
                 if (o := s.get_tag_item(f'BLOCK_OFFSET_{i}_{j}', 'TIFF', bidx=1)) and (n := s.get_tag_item(f'BLOCK_SIZE_{i}_{j}', 'TIFF', bidx=1))]
    inside = np.zeros(max(len(b), len(data)), bool)
    for o,n in spans: inside[o:o+n] = True
    n = min(len(b), len(data))
    diff = np.frombuffer(b[:n], np.uint8)!=np.frombuffer(data[:n], np.uint8)
    return bool((diff&~inside[:n]).any())

def broken_vector(rng, d):
    import geopandas as gpd, shapely
    g = d/'good_v'
    if not g.exists():
        g.mkdir()
        gdf = gpd.GeoDataFrame(dict(kind=['a','b']*5), geometry=[shapely.box(5e5+i, 5e6-9, 5e5+i+.8, 5e6-3) for i in range(10)], crs='EPSG:32633')
        for n in ('v.geojson','v.gpkg','v.parquet','v.fgb'): gdf.to_parquet(g/n) if n.endswith('parquet') else gdf.to_file(g/n)
    good = rng.choice(sorted(p for p in g.iterdir() if p.suffix!='.cpg'))
    data,how = damage(rng, good.read_bytes())
    p = d/f'v{rng.randrange(1<<30)}{good.suffix}'; p.write_bytes(data)
    try: s = af.Shapes(p, ['ground','thing'])
    except Exception as e: return told(e, p.name)
    finally: p.unlink(missing_ok=True)
    return 'same' if len(s.gdf)==10 else 'another'

def broken_curves(rng, d):
    g = d/'curves.npz'
    if not g.exists():
        c = af.TileCurves({'a': af.ThresholdCurves(2, 256).update(np.stack([np.full((9,9), .3), np.full((9,9), .7)]).astype(np.float32), np.eye(9, dtype=np.uint8))})
        c.save(g)
    data,how = damage(rng, g.read_bytes())
    p = d/f'c{rng.randrange(1<<30)}.npz'; p.write_bytes(data)
    try: c = af.load_curves(p)
    except Exception as e: return told(e, p.name)
    finally: p.unlink(missing_ok=True)
    same(c.total.counts, af.load_curves(g).total.counts, f'counts of a file, {how}')
    return 'same'

def broken_store(rng, d):
    g = d/'good_s'
    if not g.exists():
        path = af.make_town(g, districts=['north'], tiles=2, sz=64)
        dls = af.TileDataLoaders.from_folder(path, ['ground','building'], sz=32, bs=2)
        af.store_tiles(dls, g/'s.h5')
        (g/'want.pkl').write_bytes(pickle.dumps([np.concatenate([t.read(0, 0, 64, 64)[0], m.read(0, 0, 64, 64)[None]]) for dl in dls.loaders for t,m in dl.tiles]))
    data,how = damage(rng, (g/'s.h5').read_bytes())
    p = d/f's{rng.randrange(1<<30)}.h5'; p.write_bytes(data)
    try:
        dls = af.TileDataLoaders.from_store(p, sz=32, bs=2)
        got = [np.concatenate([t.read(0, 0, 64, 64)[0], m.read(0, 0, 64, 64)[None]]) for dl in dls.loaders for t,m in dl.tiles]
    except Exception as e: return told(e, p.name)
    finally: p.unlink(missing_ok=True)
    want = pickle.loads((g/'want.pkl').read_bytes())
    if len(got)==len(want) and all(np.array_equal(a, b) for a,b in zip(got, want)): return 'same'
    if how in ('flip','zeros','noise','twice'): return 'weak format'
    raise Silent(f'store, {how}: other pixels without a word')

def broken_model(rng, d):
    m = good_model(d)
    p = d/f'm{rng.randrange(1<<30)}'; shutil.copytree(m, p)
    f = p/pick(rng, 'model.json', 'model.safetensors')
    data,how = damage(rng, f.read_bytes())
    changed = data!=f.read_bytes(); f.write_bytes(data)
    try: af.load_model(p, 'cpu')
    except Exception as e: return told(e, p.name)
    finally: shutil.rmtree(p)
    if changed: raise Silent(f'a model with a changed {f.name} ({how}) loads')
    return 'same'

def broken(rng, d): return rng.choice([broken_raster]*6+[broken_vector,broken_curves,broken_curves,broken_store,broken_model])(rng, d)

# ---- nonsense

def nonsense(rng, d):
    f = sources(d)/'deflate.tif'
    class Says:
        def __init__(self, g): self.g = g
        def fingerprint(self): return str(rng.random())
        def __call__(self, x): return self.g(x)
    half = lambda x: torch.full((len(x),2,*x.shape[2:]), .5)
    kw,g = dict(sz=64),half
    case = pick(rng, 'nan', 'logits', 'inf', 'thresh', 'list', 'shape', 'sums', 'codes', 'overlap', 'weights', 'sz', 'dst', 'outputs', 'dtype', 'area', 'self', 'few', 'class', 'margin', 'tta', 'shard', 'scalar', 'missing', 'bands')
    dst,src = d/'n.tif',f
    if case=='nan': g = lambda x: half(x)*float('nan')
    if case=='inf': g = lambda x: half(x)*float('inf')
    if case=='logits': g = lambda x: torch.randn(len(x), 2, *x.shape[2:])*4
    if case=='sums': g = lambda x: half(x)*.2
    if case=='thresh': kw['thresh'] = pick(rng, 50, -1, 1.5, float('nan'), 'much')
    if case=='list': kw['thresh'] = pick(rng, [.5], [.2,.3,.4], [0,.5])
    if case=='scalar': g,kw['thresh'] = (lambda x: torch.full((len(x),3,*x.shape[2:]), 1/3)),.4
    if case=='shape': g = lambda x: half(x)[..., ::2]
    if case=='codes': kw['codes'] = ['a','b','c']
    if case=='overlap': kw['overlap'] = pick(rng, 1, -.1, 2)
    if case=='weights': kw['weights'] = 'soft'
    if case=='sz': kw['sz'] = pick(rng, 0, -4)
    if case=='dst': dst = pick(rng, d, d/'no'/'n.tif', d/'n.png')
    if case=='outputs': kw['outputs'] = pick(rng, 'masks', [])
    if case=='dtype': kw.update(dtype='float16', outputs='probs')
    if case=='margin': kw['margin'] = pick(rng, -1, 64, 99)
    if case=='tta': kw['tta'] = pick(rng, [], [9])
    if case=='shard': kw['shard'] = pick(rng, (2,2), (-1,2), (0,0))
    if case=='self': dst = src = Path(shutil.copy(f, d/'self.tif'))
    if case=='missing': src = d/'nothing.tif'
    if case=='area':
        import shapely; kw['area'] = shapely.box(0, 0, 1, 1)
    before = src.read_bytes() if src.exists() else None
    try:
        if case=='few': af.ThresholdCurves(2).update(np.full((2,4,4), 3., np.float32), np.ones((4,4), np.uint8))
        elif case=='class': af.ThresholdCurves(2).update(np.full((2,4,4), .5, np.float32), np.full((4,4), 7, np.uint8))
        elif case=='bands': Tile(f, bands=[9])
        else: af.predict_tile(Says(g), src, dst, **kw)
    except CLEAR as e:
        if before is not None and src.read_bytes()!=before: raise Silent(f'{case}: the source was changed')
        if (d/'n.tif').exists(): raise Silent(f'{case}: refused, but a map is there')
        shutil.rmtree(d/'.n.tif.run', ignore_errors=True)
        return 'refused'
    raise Silent(f'{case} {kw} was taken')

# ---- kills

class Slow(Pixelwise):
    def __call__(self, x): time.sleep(.002); return super().__call__(x)

def big_source(d):
    if not (d/'big.tif').exists(): save(d/'big.tif', np.random.default_rng(0).integers(0, 255, (2,1300,500), dtype=np.uint8), tiled=True, compress='deflate', blockxsize=128, blockysize=128)
    if not (d/'strip.tif').exists(): save(d/'strip.tif', np.random.default_rng(0).integers(0, 255, (2,1300,500), dtype=np.uint8), compress='deflate', blockysize=1300)
    return d/'big.tif'

JOBS = [dict(sz=96), dict(sz=96, outputs=['classes','probs'], dtype='uint8'), dict(sz=128, overlap=.5, outputs=['probs','entropy'], dtype='uint16'), dict(sz=96, memory=4),
        dict(sz=128, margin=40, cog=True), dict(sz=128, outputs=['probs','disagreement'], tta=[0,3]), dict(sz=96, shards=3), dict(sz=128, shards=2, outputs=['classes','entropy']),
        dict(write='mosaic'), dict(write='store'), dict(write='model'), dict(write='chips')]

def work(d, dst, kw):
    "One job; what it wrote."
    kw = dict(kw); kind = kw.pop('write', None)
    if kind=='mosaic': write_mosaic(d/'big.tif', dst)
    elif kind=='model': af.load_model(d/'model', 'cpu').save(dst.with_suffix('.model'))
    elif kind=='chips': af.write_chips([Tile(d/'big.tif')], None, dst.with_suffix('.chips'), sz=256)
    elif kind=='store':
        dls = af.TileDataLoaders.from_folder(d/'town', ['ground','building'], sz=64, bs=2)
        af.store_tiles(dls, dst.with_suffix('.h5'))
    else: af.predict_tile(Slow(2), kw.pop('src', d/'big.tif'), dst, **kw)

def written(dst):
    out = {}
    for p in sorted(p for c in '._' for p in dst.parent.glob(f'{dst.stem}{c}*')):
        for q in sorted(p.rglob('*')) if p.is_dir() else [p]:
            if q.is_file() and not q.name.startswith('.') and q.suffix!='.seconds': out[str(q.relative_to(dst.parent)).replace(dst.stem, '')] = q.read_bytes() if q.suffix!='.h5' else b'' # HDF5 holds times
    return out

def child(f, *args):
    "Run `f` in a process of its own that is forked from one without threads; its number."
    pid = os.fork()
    if not pid:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try: f(*args)
        except BaseException as e:
            if os.environ.get('TRIAL_LOUD'): sys.stdout.write(traceback.format_exc()); sys.stdout.flush()
            os._exit(7 if isinstance(e, BlockingIOError) else 1)
        os._exit(0)
    return pid

def wait(pid, seconds=90):
    end = time.time()+seconds
    while time.time()<end:
        p,status = os.waitpid(pid, os.WNOHANG)
        if p: return status
        time.sleep(.001)
    os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
    raise Silent('a process hangs')

def good_model(d):
    m = d/'model'
    if not m.exists():
        def make():
            net = af.make_net('unet64', 2, 2, nf=4)
            af.AerialModel(net.eval(), dict(arch='unet64', n_in=2, n_out=2, nf=4), af.Scale([100.,100.], [50.,50.]), ['ground','building'], af.Palette.default(['ground','building'])).save(m)
        make()
    return m

def prepared(d):
    if not (d/'town').exists(): af.make_town(d/'town', districts=['north'], tiles=2, sz=256)
    good_model(d); big_source(d)

def parts_of(kw, rng):
    kw = dict(kw); n = kw.pop('shards', 0)
    return [*[dict(kw, shard=(k,n)) for k in rng.sample(range(n), n)], kw]

KILLED = Counter()
def kills(rng, d):
    if not (d/'town').exists() and wait(child(prepared, d)): raise RuntimeError('nothing could be prepared')
    kw,dst = rng.choice(JOBS),d/'k'/'map.tif'
    shutil.rmtree(dst.parent, ignore_errors=True); dst.parent.mkdir()
    ref = d/'ref'/f'{JOBS.index(kw)}.tif'; ref.parent.mkdir(exist_ok=True)
    t,took = time.time(),ref.with_suffix('.seconds')
    if not took.exists():
        if wait(child(work, d, ref, parts_of(kw, rng)[-1])): raise RuntimeError(f'{kw} fails undisturbed')
        took.write_text(str(time.time()-t))
    longest = float(took.read_text())*1.1
    for k in parts_of(kw, rng):
        while True:
            pid,stop,ended = child(work, d, dst, k),time.time()+rng.uniform(0, longest),(0,0)
            while time.time()<stop and ended==(0,0): time.sleep(.001); ended = os.waitpid(pid, os.WNOHANG)
            if ended[1]: raise Silent(f'{k} failed when it was taken up')
            if ended[0]: break
            sig = signal.SIGINT if KILLED['all']%3==2 else signal.SIGKILL
            os.kill(pid, sig)
            status = wait(pid)
            if status==0: break # done before the signal came
            KILLED['all'] += 1; KILLED['new'] += 1
            if KILLED['new']>40: longest *= 1.5
    left = [p.name for p in dst.parent.iterdir() if p.name.startswith('.')]
    got,want = written(dst),written(ref)
    if got!=want: raise Silent(f'{kw}: killed, the result is another: {[k for k in {**got, **want} if got.get(k)!=want.get(k)]}')
    if left: raise Silent(f'{kw}: left behind {left}')
    n = KILLED.pop('new', 0)
    return f'same after kills:{n}'
REF = {}

# ---- disks that fill

@contextmanager
def small_disk(d, kb):
    m = d/'disk'; m.mkdir(exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={kb}k', 'tmpfs', str(m)], check=True)
    try: yield m
    finally: subprocess.run(['umount', '-l', str(m)], check=True)

def disks(rng, d):
    if not (d/'town').exists() and wait(child(prepared, d)): raise RuntimeError('nothing could be prepared')
    kw = rng.choice(JOBS)
    if 'shards' in kw: kw = dict(sz=96, cog=True)
    ref = d/'ref'/f'd{rng.randrange(1<<30)}.tif'; ref.parent.mkdir(exist_ok=True)
    key = json.dumps(kw)
    if key not in REF:
        if wait(child(work, d, ref, kw)): raise RuntimeError(f'{kw} fails undisturbed')
        REF[key] = written(ref)
        for p in ref.parent.glob(f'{ref.stem}*'): shutil.rmtree(p) if p.is_dir() else p.unlink()
    size = sum(map(len, REF[key].values())) or 200_000
    with small_disk(d, max(16, int(size/1024*rng.uniform(.05, 3.)))) as m:
        status = wait(child(work, d, m/'map.tif', kw))
        got = written(m/'map.tif')
        chips = kw.get('write')=='chips'
        if status==0 and got!=REF[key]: raise Silent(f'{kw}: full disk, returned, and {[k for k in REF[key] if got.get(k)!=REF[key][k]]} differ')
        if status and not chips and [k for k,v in got.items() if v!=REF[key].get(k)]: raise Silent(f'{kw}: full disk, a broken file under its name: {[*got]}')
        if status and chips and [k for k,v in got.items() if v!=REF[key].get(k)]: raise Silent(f'{kw}: full disk, a broken chip')
    return 'refused' if status else 'same'

# ---- models that were tampered with

NASTY = [None, True, False, -1, 0, 1, 2, 3, 7, 1e9, 10**12, -1e300, float('nan'), float('inf'), '', 'notes.pth', '/etc/passwd', '../../x', 'resnet18', 'unet64', '<script>', 'a'*5000, [], [[]], [1]*5000,
         ['ground'], ['ground','ground'], {}, {'a': 1}, {'ground': '#zzzzzz', 'building': 'red'}, [float('nan')]*2, [0,0], [1,2], [1,2,3], ['#000000']]
def spots(o, at=()):
    "Every place in a nested value."
    yield at
    for k,v in (o.items() if isinstance(o, dict) else enumerate(o) if isinstance(o, list) else ()): yield from spots(v, (*at,k))

def hostile(rng, d):
    from aerialfast.predictor import seal
    m = good_model(d)
    p = d/f'h{rng.randrange(1<<30)}'; shutil.copytree(m, p)
    facts = json.loads((p/'model.json').read_text())
    weights = (p/'model.safetensors').read_bytes()
    how = pick(rng, 'set', 'set', 'set', 'set', 'drop', 'add', 'weights', 'pretrained', 'deep')
    mark = d/'was_unpickled'
    if how in ('set','drop'):
        at = rng.choice([s for s in spots(facts) if s and s[0] not in ('seal','weights')]); o = facts
        for k in at[:-1]: o = o[k]
        if how=='set': o[at[-1]] = rng.choice(NASTY)
        elif isinstance(o, dict): del o[at[-1]]
        else: o.pop(at[-1])
    if how=='add': rng.choice([facts, facts['arch'], facts['scale']])[pick(rng, 'pretrained', 'checkpoint_path', 'x', '__class__', 'nf', 'widths')] = rng.choice(NASTY)
    if how=='pretrained':
        class Evil:
            def __reduce__(self): return (Path.touch, (mark,))
        (d/'notes.pth').write_bytes(pickle.dumps(Evil()))
        facts['arch'] = dict(arch='resnet18', n_in=2, n_out=2, pretrained=pick(rng, str(d/'notes.pth'), True))
    if how=='deep': facts['info'] = eval('['*80+']'*80)
    if how=='weights':
        n = int.from_bytes(weights[:8], 'little'); head = json.loads(weights[8:8+n]); k = rng.choice([k for k in head if k!='__metadata__'])
        act = pick(rng, 'drop', 'shape', 'dtype', 'rename', 'huge')
        if act=='drop': del head[k]
        if act=='shape': head[k]['shape'] = [*head[k]['shape'][::-1], 1]
        if act=='dtype': head[k]['dtype'] = 'F16'
        if act=='rename': head[k+'x'] = head.pop(k)
        if act=='huge': head[k]['shape'] = [10**9, 10**9]
        h = json.dumps(head).encode(); weights = len(h).to_bytes(8, 'little')+h+weights[8+n:]
        (p/'model.safetensors').write_bytes(weights)
        facts['weights'] = hashlib.sha256(weights).hexdigest()
    try: text = json.dumps({**facts, 'seal': seal(facts)})
    except Exception: shutil.rmtree(p); return 'cannot be written'
    (p/'model.json').write_text(text)
    x,t = torch.full((1,2,32,32), 90.),time.time()
    try:
        model = af.load_model(p, 'cpu'); y = model(x)
        if y.shape!=(1,len(model.codes),32,32) or not torch.isfinite(y).all(): raise Silent(f'{how}: a model that gives {tuple(y.shape)} or nan was loaded')
    except CLEAR as e: out = told(e, p.name)
    else: out = 'harmless'
    finally: shutil.rmtree(p, ignore_errors=True)
    if mark.exists(): mark.unlink(); raise Silent('a pickle was run')
    if time.time()-t>20: raise Silent(f'{how} took {time.time()-t:.0f} s')
    return out

# ---- two at once

def pairs(rng, d):
    if not (d/'town').exists() and wait(child(prepared, d)): raise RuntimeError('nothing could be prepared')
    dst = d/'p'/'map.tif'; shutil.rmtree(dst.parent, ignore_errors=True); dst.parent.mkdir()
    kw = dict(rng.choice(JOBS[:6])); src = d/pick(rng, 'big.tif', 'strip.tif')
    kw['src'] = src
    if src.name=='strip.tif': kw.update(memory=4, sz=96)
    kw.pop('cog', None)
    key = json.dumps({k: str(v) for k,v in kw.items()})
    if key not in REF:
        ref = d/'ref'/f'p{rng.randrange(1<<30)}.tif'; ref.parent.mkdir(exist_ok=True)
        if wait(child(work, d, ref, kw)): raise RuntimeError(f'{kw} fails undisturbed')
        REF[key] = written(ref)
        for p in ref.parent.glob(f'{ref.stem}*'): p.unlink()
    if rng.random()<.5: # the same call twice
        a = child(work, d, dst, kw); time.sleep(rng.random()*.5); b = child(work, d, dst, kw)
        codes = [os.waitstatus_to_exitcode(wait(p)) for p in (a,b)]
        if set(codes)-{0,7}: raise Silent(f'{kw}: two at once, one failed: {codes}')
        if 0 not in codes: raise Silent(f'{kw}: two at once, and neither finished: {codes}')
    else: # shards, all at once
        n = rng.randint(2, 4)
        pids = [child(work, d, dst, dict(kw, shard=(k,n))) for k in range(n)]
        codes = [os.waitstatus_to_exitcode(wait(p)) for p in pids]
        if any(codes): raise Silent(f'{kw}: shards at once fail: {codes}')
        if wait(child(work, d, dst, kw)): raise Silent(f'{kw}: shards cannot be put together')
    got = written(dst)
    if got!=REF[key]: raise Silent(f'{kw}: {[k for k in REF[key] if got.get(k)!=REF[key][k]]} differ')
    if left := [p.name for p in dst.parent.iterdir() if p.name.startswith('.')]: raise Silent(f'left behind {left}')
    return 'same'

def forks(rng, d):
    if not (d/'town').exists() and wait(child(prepared, d)): raise RuntimeError('nothing could be prepared')
    kw = dict(rng.choice(JOBS[:6]))
    def both():
        work(d, d/'f1.tif', kw)
        if wait(child(work, d, d/'f2.tif', kw), 40): os._exit(3)
    status = wait(child(both), 80)
    if status: raise Silent(f'{kw}: a map in a forked child failed or hangs ({os.waitstatus_to_exitcode(status)})')
    a,b = written(d/'f1.tif'),written(d/'f2.tif')
    for p in [*d.glob('f1*'), *d.glob('f2*')]: p.unlink()
    if a!=b: raise Silent('a forked child gives another map')
    return 'same'

# ---- the run

KINDS = dict(laws=laws, broken=broken, nonsense=nonsense, kills=kills, disks=disks, hostile=hostile, pairs=pairs, forks=forks)
SHARE = dict(laws=.3, broken=.2, nonsense=.04, kills=.22, disks=.08, hostile=.06, pairs=.06, forks=.04) # of the time

def seconds_of(kind): return 150 if kind in ('kills','pairs','forks','disks') else 60

def one(kind, seed, d):
    "Result of a case, and what went wrong with it."
    rng = random.Random(seed)
    np.random.seed(seed%(1<<32)); torch.manual_seed(seed)
    def late(*_): raise Silent('hangs')
    signal.signal(signal.SIGALRM, late); signal.alarm(seconds_of(kind))
    keep = {'good','good_v','good_s','curves.npz','model','town','big.tif','strip.tif','ref'}
    try: return KINDS[kind](rng, d),None
    except Silent as e: return 'SILENT' if 'hang' not in str(e) else 'HANGS',str(e)
    except Exception as e: return 'BROKE',f"{type(e).__name__}: {e}\n{''.join(traceback.format_tb(e.__traceback__)[-3:])}"
    finally:
        signal.alarm(0)
        for p in d.iterdir():
            if p.name not in keep and p.name!='disk': shutil.rmtree(p, ignore_errors=True) if p.is_dir() else p.unlink(missing_ok=True)

def batch(kind, seeds, seconds, d):
    "Cases in a process of their own; `(seed, result, what)` each."
    r,w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(r)
        out = os.fdopen(w, 'w')
        if not os.environ.get('TRIAL_LOUD'): os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        end = time.time()+seconds
        for s in seeds:
            out.write(json.dumps([s, 'started', None])+'\n'); out.flush()
            out.write(json.dumps([s, *one(kind, s, d)])+'\n'); out.flush()
            if time.time()>end: break
        os._exit(0)
    os.close(w)
    got = [json.loads(l) for l in os.fdopen(r)]
    _,status = os.waitpid(pid, 0)
    done = [g for g in got if g[1]!='started']
    if status: done.append([got[-1][0], 'CRASHED', f'signal {status&127}'])
    return done

def table(counts, took):
    print('\n| kind | cases | a minute | results | silent | broke | hangs or crashes |\n|---|---:|---:|---|---:|---:|---:|')
    for k,c in counts.items():
        n,fine = sum(c.values()),{o: v for o,v in sorted(c.items()) if o.upper()!=o}
        print(f"| {k} | {n:,} | {n/max(1e-9, took[k])*60:.0f} | {', '.join(f'{v:,} {o}' for o,v in fine.items())} | {c['SILENT']} | {c['BROKE']} | {c['HANGS']+c['CRASHED']} |")
    print(f"\n{KILLED['all']:,} kills", flush=True)

def main():
    base = Path(tempfile.mkdtemp(dir='/dev/shm' if os.access('/dev/shm', os.W_OK) else None))
    try:
        if A.case:
            kind,seed = A.case.split(':'); d = base/kind; d.mkdir()
            os.environ['TRIAL_LOUD'] = '1'
            print(*batch(kind, [int(seed)], 999, d), sep='\n'); return 0
        kinds = A.only.split(',') if A.only else [*KINDS]
        counts,took,rng,end,said = {k: Counter() for k in kinds},Counter(),random.Random(A.seed),time.time()+60*A.minutes,time.time()
        for k in kinds: (base/k).mkdir()
        while time.time()<end:
            kind = min(kinds, key=lambda k: took[k]/SHARE[k])
            t = time.time()
            for seed,result,what in batch(kind, [rng.randrange(1<<40) for _ in range(4000)], 60 if kind in ('disks','pairs') else 20, base/kind):
                if result.startswith('same after kills:'): KILLED['all'] += int(result.split(':')[1]); result = 'same after kills'
                counts[kind][result] += 1
                if result.upper()==result: print(f'{result} {kind}:{seed} {what}', flush=True)
            took[kind] += time.time()-t
            if time.time()-said>300: table(counts, took); said = time.time()
        table(counts, took)
        return int(any(c[o] for c in counts.values() for o in ('SILENT','BROKE','HANGS','CRASHED')))
    finally: shutil.rmtree(base, ignore_errors=True)

if __name__=='__main__': sys.exit(main())
