"""Patches of 256 px with their mask per second: aerialfast's loader beside TorchGeo's, Raster Vision's, and fastai's on pre-cut PNG chips.

Files are made once: the town's tiles, mirrored to 4096 x 4096 px, in several layouts. Every measurement is a process of its own; the
methods take turns within a round, and the medians of the ratios within a round are printed beside the medians of the speeds. Time
counts from the fourth batch, so that the start of workers is left out. GDAL's block cache is 64 MB, a sixth of the decoded files, as if
the collection were far larger than memory; `--cache 4000 --tiles 2` measures warm. Peers that are not installed are left out; Raster
Vision, which needs other versions, may stand in an environment of its own.

An epoch of --n patches covers the tiles about once, as the default of the loader does: patches that lie near each other are then decoded together.

    pip install torchgeo
    python bench/reading.py [--formats tiled256_deflate,striped_none --methods aerial,torchgeo --workers 0,2 --rounds 3 --rv-python PATH]
"""
import argparse, json, os, statistics, subprocess, sys, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument('--formats', default='tiled256_deflate,striped_none,tiled512_jpeg,tiled256_none')
ap.add_argument('--methods', default='aerial,aerial_reuse,torchgeo,rastervision,png')
ap.add_argument('--workers', default='0,2'); ap.add_argument('--rounds', type=int, default=3); ap.add_argument('--n', type=int, default=1536)
ap.add_argument('--tiles', type=int, default=6); ap.add_argument('--cache', default='64'); ap.add_argument('--bs', type=int, default=16)
ap.add_argument('--data', default='bench_data'); ap.add_argument('--rv-python'); ap.add_argument('--one', help='method, format and workers of a single measurement')
A = ap.parse_args()
SZ,D = 256,Path(A.data)
T = lambda b, c, **kw: dict(tiled=True, blockxsize=b, blockysize=b, compress=c, **kw)
FORMATS = dict(tiled256_deflate=(T(256,'deflate',predictor=2), T(256,'deflate')), tiled256_none=(T(256,'none'),)*2, tiled256_zstd=(T(256,'zstd',predictor=2), T(256,'zstd')),
    tiled512_jpeg=(T(512,'jpeg',photometric='ycbcr',jpeg_quality=85), T(512,'deflate')), striped_none=({}, {}), striped_lzw=(dict(compress='lzw',predictor=2), dict(compress='lzw')))

def make():
    "The same pixels in every layout, and as PNG chips."
    import numpy as np, rasterio, tempfile
    from aerialfast.town import make_town
    from PIL import Image
    fs = [f for f in A.formats.split(',') if not (D/f/'masks').exists() or len(list((D/f/'masks').iterdir()))<A.tiles]
    if not fs and (D/'chips').exists(): return
    with tempfile.TemporaryDirectory() as tmp:
        town = make_town(tmp, tiles=4)
        names = sorted(p.name for p in (town/'images').iterdir())
        for k in range(A.tiles):
            def big(d):
                q = [rasterio.open(town/d/names[(2*k+i)%len(names)]).read() for i in range(2)]
                a = np.concatenate([np.concatenate(q, 2), np.concatenate([o[:,::-1] for o in q[::-1]], 2)], 1)
                a = np.concatenate([a, a[:,:,::-1]], 2)
                return np.concatenate([a, a[:,::-1]], 1)
            px,mask = big('images'),big('masks')
            for f in fs:
                for d,a,kw in (('images',px,FORMATS[f][0]), ('masks',mask,FORMATS[f][1])):
                    (D/f/d).mkdir(parents=True, exist_ok=True)
                    with rasterio.open(D/f/d/f't{k}.tif', 'w', driver='GTiff', height=a.shape[1], width=a.shape[2], count=len(a), dtype='uint8', crs='EPSG:32633',
                        transform=rasterio.Affine(.3,0,500000+5000*k,0,-.3,5200000), interleave='pixel' if len(a)>1 else 'band', **kw) as o: o.write(a)
            if k<3 and len(list((D/'chips').glob('images/*')))<768:
                for d in ('images','masks'): (D/'chips'/d).mkdir(parents=True, exist_ok=True)
                for y in range(0, 4096, SZ):
                    for x in range(0, 4096, SZ):
                        Image.fromarray(px[:,y:y+SZ,x:x+SZ].transpose(1,2,0).copy()).save(D/'chips'/'images'/f'{k}_{y}_{x}.png')
                        Image.fromarray(mask[0,y:y+SZ,x:x+SZ]//255).save(D/'chips'/'masks'/f'{k}_{y}_{x}.png')

def paths(fmt, d): return [str(p) for p in sorted((D/fmt/d).glob('*.tif'))[:A.tiles]]

def aerial(fmt, nw, **kw):
    from aerialfast.data import TileDataLoaders
    from aerialfast.splits import TileSplitter
    from aerialfast.rasters import Tile
    from aerialfast.codings import MaskValues
    from aerialfast.labels import MaskTile
    from aerialfast.scales import Scale
    from fastcore.foundation import L
    tiles,coding = [Tile(p) for p in paths(fmt, 'images')],MaskValues(['ground','building'], [0,255], void=[])
    dls = TileDataLoaders.from_tiles(tiles, [MaskTile(p, coding) for p in paths(fmt, 'masks')], valid=lambda o: (L(range(len(tiles))),L(0)), sz=SZ, bs=A.bs, n=A.n,
        num_workers=nw, batch_tfms=[], scale=Scale([110.]*3, [50.]*3), device='cpu', **kw)
    return dls.train

def aerial_reuse(fmt, nw): return aerial(fmt, nw, reuse=8)

def torchgeo(fmt, nw):
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset,stack_samples
    from torchgeo.samplers import RandomGeoSampler
    class Masks(RasterDataset): is_image = False
    ds = RasterDataset(paths(fmt, 'images')) & Masks(paths(fmt, 'masks'))
    return DataLoader(ds, batch_size=A.bs, sampler=RandomGeoSampler(ds, SZ, length=A.n), num_workers=nw, collate_fn=stack_samples)

def rastervision(fmt, nw):
    import random
    from torch.utils.data import ConcatDataset,DataLoader
    from rastervision.core.data import ClassConfig,ReclassTransformer
    from rastervision.pytorch_learner import SemanticSegmentationRandomWindowGeoDataset as G
    cc = ClassConfig(names=['bg','b'], colors=['black','white'])
    ds = ConcatDataset([G.from_uris(class_config=cc, image_uri=i, label_raster_uri=m, label_raster_source_kw=dict(raster_transformers=[ReclassTransformer({255:1})]),
        out_size=SZ, size_lims=(SZ, SZ+1), max_windows=A.n, padding=0) for i,m in zip(paths(fmt, 'images'), paths(fmt, 'masks'))])
    return DataLoader(ds, batch_size=A.bs, sampler=[random.randrange(len(ds)) for _ in range(A.n)], num_workers=nw)

def png(fmt, nw):
    from fastai.vision.all import SegmentationDataLoaders,get_image_files
    return SegmentationDataLoaders.from_label_func(D/'chips', get_image_files(D/'chips'/'images')[:A.n+16], label_func=lambda p: D/'chips'/'masks'/p.name, codes=['bg','b'],
        bs=A.bs, num_workers=nw, valid_pct=.02, device='cpu').train

def one(method, fmt, nw):
    dl,k,t0 = globals()[method](fmt, nw),0,None
    if A.cache!='64': # warm: pass over the data before
        for _ in range(3):
            for b in dl: pass
    for b in dl:
        k += 1
        if k==4: t0 = time.perf_counter()
    print(json.dumps((k-4)*A.bs/(time.perf_counter()-t0)))

def main():
    make()
    methods,per = A.methods.split(','),{}
    env = {**os.environ, 'GDAL_CACHEMAX':A.cache, 'OMP_NUM_THREADS':'1', 'PYTHONWARNINGS':'ignore'}
    for r in range(A.rounds):
        for fmt in A.formats.split(','):
            for nw in A.workers.split(','):
                for m in methods:
                    py = A.rv_python if m=='rastervision' and A.rv_python else sys.executable
                    o = subprocess.run([py, __file__, *sys.argv[1:], '--one', f'{m},{fmt},{nw}'], env=env, capture_output=True, text=True)
                    if o.returncode:
                        if r==0: print(f'{m} left out:', o.stderr.strip().splitlines()[-1][:120])
                        continue
                    per.setdefault((fmt,nw,m), []).append(float(o.stdout.split()[-1]))
    import rasterio
    print(f'python {sys.version.split()[0]}, GDAL {rasterio.__gdal_version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; patches of {SZ} px, batches of {A.bs}, {A.tiles} tiles, cache {A.cache} MB, median of {A.rounds} rounds')
    print('| layout | workers | '+' | '.join(methods)+' | '+' | '.join(f'aerial / {m}' for m in methods if 'aerial' not in m)+' |')
    print('|'+'---|'*(2+len(methods)+sum('aerial' not in m for m in methods)))
    med = statistics.median
    for fmt in A.formats.split(','):
        for nw in A.workers.split(','):
            get = lambda m: per.get((fmt,nw,m), [])
            ratio = lambda m: f'{med([a/b for a,b in zip(get("aerial"), get(m))]):.2f}' if get(m) and get('aerial') else '-'
            print(f'| {fmt} | {nw} | '+' | '.join(f'{med(get(m)):.0f}' if get(m) else '-' for m in methods)+' | '+' | '.join(ratio(m) for m in methods if 'aerial' not in m)+' |')

if __name__=='__main__': one(*[int(v) if v.isdigit() else v for v in A.one.split(',')]) if A.one else main()
