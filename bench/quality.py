"""How good a network becomes on real imagery, at equal steps and at equal CPU time, beside the decoders of fastai and segmentation_models.pytorch.

Every network gets the same encoder, the same weights for it and, at one seed, the same patches in the same order: random windows with the eight
flips and turns, AdamW (weight decay 0.01), one cycle (a quarter up, cosine), cross entropy without void, bands scaled by mean and deviation of the
training data, channels-last, float32 or bf16, whichever is faster for the network. Prediction by 512 px patches that overlap by a quarter, softmax
averaged; one pooled confusion matrix; with two classes the IoU at the best threshold, otherwise the mean IoU.

    banepa          west half trains, east half is scored (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL)
    kampala         block 2 trains, block 1 is scored (OpenAerialMap; OpenStreetMap)
    dubai           Tiles 1 to 5 train, three images of Tile 7 are scored (Humans in the Loop with MBRSC, CC0)
    naip            every fourth of the 28 images is scored, the others train (USDA NAIP, public domain)
    banepa_kampala, kampala_banepa   the one town trains, the other is scored; Kampala at half its size, 0.15 m as Banepa

A network is a name in NETS, changed by any number of CHANGES: `ours+tenth+lovasz`. A budget is a number of steps, `60`, or CPU minutes of training,
`2m`: as many steps as the network takes in them at its pace, which is measured once, the networks taking turns. Each pace and each finished run is a
line in --out; what stands there is not done again, so the bench can be stopped at any time, and several processes with different --seeds can share a
file. The tables are printed at the end, and with --report alone.

    python bench/quality.py DATA_FOLDER [--weights FILE --data banepa --nets ours,smp --budgets 60,2m --seeds 0,1,2 --out quality.jsonl]

--weights is a file of timm's weights for the encoder; without it all encoders start from random weights.
"""
import argparse, contextlib, copy, itertools, json, math, statistics, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('folder', type=Path)
ap.add_argument('--data', default='banepa,kampala,dubai,naip,banepa_kampala,kampala_banepa')
ap.add_argument('--nets', default='ours,smp,smp_scse,fpn,deeplab,upernet,segformer,fastai')
ap.add_argument('--budgets', default='60')
ap.add_argument('--seeds', default='0,1,2')
ap.add_argument('--arch', default='tf_efficientnet_lite0')
ap.add_argument('--weights', type=Path)
ap.add_argument('--size', type=int, default=192)
ap.add_argument('--bs', type=int, default=4)
ap.add_argument('--lr', type=float, default=2e-3)
ap.add_argument('--threads', type=int, default=1)
ap.add_argument('--out', type=Path, default=Path('quality.jsonl'))
ap.add_argument('--report', action='store_true')
A = ap.parse_args()
import numpy as np, torch, torch.nn.functional as F
from torch import nn
from aerialfast.layers import tile_files
from aerialfast.rasters import Tile
from aerialfast.codings import MaskValues,Palette
from aerialfast.labels import MaskTile
from aerialfast.metrics import Confusion
from aerialfast.curves import ThresholdCurves
from aerialfast.unets import aerial_unet
from aerialfast.loader import keep_memory
torch.set_num_threads(A.threads)
P,STRIDE = 512,384

# networks: (bands, classes) to logits at the size of the input
def ours(**kw):
    def make(i, o): return aerial_unet(A.arch, i, o, pretrained=A.weights or False, **kw)
    return make

def fill(encoder, n_in):
    "Give `encoder`, made by timm, the weights of --weights."
    if not A.weights: return encoder
    donor = aerial_unet(A.arch, n_in, 2, pretrained=A.weights).encoder.state_dict()
    want = {k.removeprefix('body.'): v for k,v in donor.items()}
    got = encoder.load_state_dict(want, strict=False)
    used = [k for k in got.missing_keys if not k.startswith(('conv_head','bn2','classifier'))]
    assert not used and not got.unexpected_keys, (used, got.unexpected_keys)
    return encoder

def smp(name, **kw):
    def make(i, o):
        import segmentation_models_pytorch as s
        net = getattr(s, name)(f'tu-{A.arch}', encoder_weights=None, in_channels=i, classes=o, **kw)
        fill(net.encoder.model, i)
        return net
    return make

def fastai(i, o):
    "fastai's DynamicUnet on the stages of the same encoder, which it takes as a sequence."
    import timm, fastai.vision.all as fa
    m = fill(timm.create_model(A.arch, in_chans=i), i)
    body = nn.Sequential(m.conv_stem, m.bn1, *m.blocks) if hasattr(m, 'conv_stem') else nn.Sequential(*list(m.children())[:-2])
    net = fa.DynamicUnet(body, o, (A.size,A.size))
    fa.apply_init(net.layers[2:], nn.init.kaiming_normal_)
    net.encoder = body
    return net

NETS = dict(ours=ours(), plain=ours(block='plain'), scse=ours(block='scse'), dense=ours(block='dense_se'), end1=ours(end=1, widths=(256,128,64,32,16)),
    end4=ours(end=4, widths=(128,64,64)), wide=ours(widths=(256,128,64,32)), thin=ours(widths=(96,48,24,24)), nocross=ours(last_cross=False),
    smp=smp('Unet'), smp_scse=smp('Unet', decoder_attention_type='scse'), fpn=smp('FPN'), deeplab=smp('DeepLabV3Plus'), upernet=smp('UPerNet'),
    segformer=smp('Segformer'), fastai=fastai)

# what a network or its training can be changed by, one or several
class Projected(nn.Module):
    "A 1 x 1 convolution and a norm over the features of the encoder."
    def __init__(self, n): super().__init__(); self.conv,self.norm = nn.Conv2d(n, n, 1, bias=False),nn.BatchNorm2d(n)
    def forward(self, x): return self.norm(self.conv(x))
def skips(norm):
    "A change of the norms over the features of the encoder."
    def f(net):
        for u in net.ups:
            if u.norm: u.norm = norm(u.norm.num_features)
    return f
def relu(net):
    for u in net.ups: u.relu_skip = True
NET_CHANGES = dict(relu=relu, nonorm=skips(lambda n: nn.Identity()), proj=skips(Projected))

def keep_eval(net):
    "Batch norms of the encoder keep the statistics of ImageNet."
    for m in net.encoder.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm): m.eval(); m.train = lambda mode=True, m=m: m
def freeze(net):
    for p in net.encoder.parameters(): p.requires_grad_(False)
    keep_eval(net)

class ConvMuon(torch.optim.Optimizer):
    "Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) for convolutions, a filter as a row of a matrix; steps scaled as Adam's (Liu et al. 2025, https://arxiv.org/abs/2502.16982)."
    def __init__(self, params, lr, momentum=.95, wd=.01): super().__init__(params, dict(lr=lr, momentum=momentum, wd=wd))
    @staticmethod
    def orthogonal(g, steps=5):
        x = g/(g.norm()+1e-7)
        if tall := x.shape[0]>x.shape[1]: x = x.T
        for _ in range(steps): m = x@x.T; x = 3.4445*x+(-4.7750*m+2.0315*m@m)@x
        return x.T if tall else x
    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g['params']:
                if p.grad is None: continue
                m = self.state[p].setdefault('m', torch.zeros_like(p)).mul_(g['momentum']).add_(p.grad)
                u = p.grad.add(m, alpha=g['momentum']).flatten(1)
                p.mul_(1-g['lr']*g['wd']).add_(self.orthogonal(u).view_as(p), alpha=-g['lr']*.2*max(u.shape)**.5)

TRAIN_CHANGES = dict(
    tenth='the encoder at a tenth of the rate', third='at a third', frozen='the encoder is not trained', fixedbn='its batch norms are not',
    fine='as fastai\'s fine_tune: frozen for 30 % of the steps, then all at half the rate', lovasz='Lovasz loss added', dice='Dice loss added',
    smooth='label smoothing of .1', focal='focal loss', ema='moving average of the weights', bs2='batches of 2, twice the steps', bs8='batches of 8, half the steps',
    imagenet='scaled by the numbers of ImageNet', half='scaled to -1 and 1, as EfficientNet-Lite was trained', muon='Muon for convolutions', light='random gain and offset of each band',
    own='scored with the mean and deviation of the raster that is mapped')

def parts(name):
    net,*changes = name.split('+')
    bad = [c for c in changes if c not in NET_CHANGES and c not in TRAIN_CHANGES and not c.startswith('lr')]
    assert net in NETS and not bad, f'{name}: networks {sorted(NETS)}, changes {sorted({*NET_CHANGES,*TRAIN_CHANGES})}'
    return net,changes

# data: classes, and lists of (raw pixels (C,H,W), classes (H,W)) to train on and to score
def whole(tile, mask, y=0, x=0, h=None, w=None):
    t,m = Tile(tile),mask
    return t.raw(y, x, h or t.h, w or t.w),m.read(y, x, h or t.h, w or t.w)
BUILDINGS = ['background','building']
def block(town, name):
    return (A.folder/f'oam_{town}_buildings'/'mosaic_derived'/f'{town}_{name}_{k}.tif' for k in ('rgb','mask'))
def mosaic(town, name, **kw):
    rgb,m = block(town, name)
    return whole(rgb, MaskTile(m, MaskValues(BUILDINGS, [0,1])), **kw)
def halved(x, m):
    c,h,w = x.shape
    return x.reshape(c, h//2, 2, w//2, 2).mean((2,4)).round().astype(x.dtype),m[::2,::2]
def east(): return mosaic('banepa', 'z19_b1', x=1536, w=1536)
def banepa(): return BUILDINGS,[mosaic('banepa', 'z19_b1', w=1536)],[east()]
def kampala(): return BUILDINGS,[mosaic('kampala', 'z21_b2')],[mosaic('kampala', 'z21_b1')]
def kampala_half(): return [halved(*mosaic('kampala', f'z21_b{k}')) for k in (1,2)]
def banepa_kampala(): return BUILDINGS,[mosaic('banepa', 'z19_b1')],kampala_half()
def kampala_banepa(): return BUILDINGS,kampala_half(),[east()]
def dubai():
    pal = Palette(dict(land='#8429F6', water='#E2A929', building='#3C1098', road='#6EC1E4', vegetation='#FEDD3A'), void=['#9B9B9B','#000000'])
    def of(*tiles): return [whole(p, MaskTile(p.parent.parent/'masks'/f'{p.stem}.png', pal)) for t in tiles for p in tile_files(A.folder/'dubai_landuse'/f'Tile {t}'/'images')]
    return pal.codes,of(1,2,3,4,5),of(7)[::3]
def naip():
    fs,coding = tile_files(A.folder/'naip_fields'/'images'),MaskValues(dict(ground=0, field=range(1, 256)))
    all_ = [whole(f, MaskTile(A.folder/'naip_fields'/'instances_derived'/f.name, coding)) for f in fs]
    return coding.codes,[o for k,o in enumerate(all_) if k%4],all_[::4]
LOADED = {}
def load(name):
    if name not in LOADED: LOADED[name] = globals()[name]()
    return LOADED[name]

def dihedral(x, k):
    if k&4: x = x.flip(-1)
    return x.rot90(k&3, (-2,-1))

def stats(items):
    n = sum(m.size for _,m in items)
    mean = sum(x.sum((1,2), dtype=np.float64) for x,_ in items)/n
    return mean,np.sqrt(sum(((x-mean[:,None,None])**2).sum((1,2)) for x,_ in items)/n)

class Crops:
    "Random patches, an image as often as it is large, with a random flip or turn; the order depends on the seed alone."
    def __init__(self, items, seed, changes=()):
        self.items,self.rng,area = items,np.random.default_rng(seed),np.array([m.size for _,m in items], float)
        self.p,self.bs,self.light = area/area.sum(),2 if 'bs2' in changes else 8 if 'bs8' in changes else A.bs,'light' in changes
        self.mean,self.std = stats(items)
        if 'imagenet' in changes: self.mean,self.std = 255*np.array([.485,.456,.406]),255*np.array([.229,.224,.225])
        if 'half' in changes: self.mean,self.std = np.full(3, 127.5),np.full(3, 127.5)
    def scaled(self, x, mean=None, std=None):
        mean,std = (torch.tensor(self.mean if mean is None else mean).float()[:,None,None],torch.tensor(self.std if std is None else std).float()[:,None,None])
        return (torch.from_numpy(x).float()-mean)/std
    def one(self):
        x,m = self.items[self.rng.choice(len(self.items), p=self.p)]
        i,j,k = (int(self.rng.integers(n)) for n in (m.shape[0]-A.size+1, m.shape[1]-A.size+1, 8))
        x = self.scaled(x[:,i:i+A.size,j:j+A.size])
        if self.light: x = x*float(np.exp(self.rng.normal(0, .15)))+torch.from_numpy(self.rng.normal(0, .15, (3,1,1))).float()
        return dihedral(x, k),dihedral(torch.from_numpy(m[i:i+A.size,j:j+A.size].astype(np.int64)), k)
    def batch(self):
        xs,ms = zip(*[self.one() for _ in range(self.bs)])
        return torch.stack(xs).contiguous(memory_format=torch.channels_last),torch.stack(ms)

def cast(bf16): return torch.autocast('cpu', torch.bfloat16) if bf16 else contextlib.nullcontext()
def one_cycle(p, lr):
    def cos(a, b, t): return b+(a-b)*(1+math.cos(math.pi*t))/2
    return cos(lr/25, lr, p/.25) if p<.25 else cos(lr, lr/1e5, (min(p, 1)-.25)/.75)

def lovasz(z, y):
    "Lovasz softmax over the classes present (Berman et al. 2018)."
    keep = y!=255
    p,y = z.softmax(1).permute(0,2,3,1)[keep],y[keep]
    out = []
    for c in range(p.shape[1]):
        fg = (y==c).float()
        if not fg.any(): continue
        err,order = (fg-p[:,c]).abs().sort(descending=True)
        fg = fg[order]; total = fg.sum()
        j = 1-(total-fg.cumsum(0))/(total+(1-fg).cumsum(0))
        j[1:] = j[1:]-j[:-1].clone()
        out.append((err*j).sum())
    return torch.stack(out).mean()
def dice(z, y):
    keep = (y!=255).unsqueeze(1)
    p = z.softmax(1)*keep; t = F.one_hot(y.clamp(max=z.shape[1]-1), z.shape[1]).permute(0,3,1,2)*keep
    return 1-((2*(p*t).sum((0,2,3))+1)/((p+t).sum((0,2,3))+1)).mean()
def loss_of(changes):
    def f(z, y):
        ce = F.cross_entropy(z, y, ignore_index=255, label_smoothing=.1 if 'smooth' in changes else 0)
        if 'focal' in changes:
            ce = F.cross_entropy(z, y, ignore_index=255, reduction='none'); ce = ((1-torch.exp(-ce))**2*ce).mean()*2
        if 'lovasz' in changes: ce = ce+lovasz(z, y)
        if 'dice' in changes: ce = ce+dice(z, y)
        return ce
    return f

def groups(net, changes):
    f = .1 if 'tenth' in changes else 1/3 if 'third' in changes else 1
    inside = {id(p) for p in net.encoder.parameters()} if f!=1 or 'fine' in changes else set()
    enc,dec = [p for p in net.parameters() if id(p) in inside],[p for p in net.parameters() if id(p) not in inside]
    return [(ps,k) for ps,k in ((enc,f),(dec,1.)) if ps]

def optimizers(net, changes, lr):
    gs = groups(net, changes)
    if 'muon' not in changes: return [torch.optim.AdamW([dict(params=ps, f=k) for ps,k in gs], lr, weight_decay=.01, fused=True)]
    mats = lambda ps: [p for p in ps if p.ndim==4 and p.shape[0]>1 and p[0].numel()>=16 and p.shape[1]>1]
    inside = {id(p) for ps,_ in gs for p in mats(ps)}
    adam = torch.optim.AdamW([dict(params=[p for p in ps if id(p) not in inside], f=k) for ps,k in gs], lr, weight_decay=.01, fused=True)
    return [adam, ConvMuon([dict(params=mats(ps), f=k) for ps,k in gs if mats(ps)], lr=lr)]

def stepper(net, crops, changes, lr, total, bf16):
    "A function that takes the next step of one cycle over `total` steps."
    if 'frozen' in changes: freeze(net)
    if 'fixedbn' in changes: keep_eval(net)
    opts,n,loss = optimizers(net, changes, lr),itertools.count(),loss_of(changes)
    net.shadow = [p.detach().clone() for p in net.parameters()] if 'ema' in changes else None
    thaw = round(total*.3) if 'fine' in changes else 0
    if thaw:
        for p in net.encoder.parameters(): p.requires_grad_(False)
    def step():
        k = next(n)
        if thaw and k==thaw:
            for p in net.encoder.parameters(): p.requires_grad_(True)
        r = one_cycle(k/total, lr) if not thaw else one_cycle(k/thaw, lr) if k<thaw else one_cycle((k-thaw)/(total-thaw), lr/2)
        for o in opts:
            for g in o.param_groups: g['lr'] = r*g['f']
        x,y = crops.batch()
        with cast(bf16): z = net(x)
        loss(z.float(), y).backward()
        for o in opts: o.step(); o.zero_grad()
        if net.shadow: torch._foreach_lerp_(net.shadow, [p.detach() for p in net.parameters()], 1-min(.99, (1+k)/(10+k)))
    return step

def made(name, items, codes, seed):
    torch.manual_seed(seed)
    net,changes = parts(name)
    net = NETS[net](len(items[0][0]), len(codes))
    for c in changes:
        if c in NET_CHANGES: NET_CHANGES[c](net)
    return net.to(memory_format=torch.channels_last).train()

def paces(names, items, codes, rounds=4, n=3):
    "CPU seconds per step of each network in float32 and in bf16: the median over `rounds` of `n` steps, the networks taking turns; the first round is not counted."
    keys = [(k,b) for k in names for b in (False,True)]
    steps,out = {(k,b): stepper(made(k, items, codes, 0), Crops(items, 0, parts(k)[1]), parts(k)[1], 1e-4, 10**6, b) for k,b in keys},{k: [] for k in keys}
    for _ in range(rounds):
        for k,step in steps.items():
            t = time.process_time()
            for _ in range(n): step()
            out[k].append((time.process_time()-t)/n)
    out = {k: statistics.median(v[1:]) for k,v in out.items()}
    return {k: (min(out[k,False], out[k,True]), out[k,True]<out[k,False]) for k in names}

@torch.inference_mode()
def predict(net, x):
    "Probabilities of an image, patches that overlap by a quarter, averaged."
    def places(n): return sorted({min(i, max(0, n-P)) for i in range(0, max(1, n-P+STRIDE), STRIDE)})
    h,w = x.shape[1:]
    x = F.pad(x[None], (0, max(0, P-w), 0, max(0, P-h)), mode='replicate')[0]
    out = count = None
    for i in places(x.shape[1]):
        for j in places(x.shape[2]):
            with cast(True): p = net(x[None,:,i:i+P,j:j+P].contiguous(memory_format=torch.channels_last)).float().softmax(1)[0]
            if out is None: out,count = torch.zeros(len(p), *x.shape[1:]),torch.zeros(x.shape[1:])
            out[:,i:i+P,j:j+P] += p; count[i:i+P,j:j+P] += 1
    assert count.min()>0
    return (out/count)[:,:h,:w]

def score(net, items, crops, codes, changes):
    if net.shadow:
        for p,s in zip(net.parameters(), net.shadow): p.data.copy_(s)
    net.eval(); conf,curves = Confusion(codes),ThresholdCurves(len(codes))
    for x,m in items:
        own = stats([(x,m)]) if 'own' in changes else (None,None)
        p = predict(net, crops.scaled(x, *own)).clamp(0, 1).numpy()
        conf.update(p, m)
        if len(codes)==2: curves.update(p, m)
    best = dict(best=curves.best('iou').iou) if len(codes)==2 else {}
    return dict(score=best.get('best', conf.miou), iou=dict(zip(codes, conf.iou.tolist())), miou=conf.miou, accuracy=conf.accuracy)

KEY = 'data','arch','weights','size','net','seed','budget','lr'
def report(rows, pace):
    def cell(s): return f'{statistics.mean(s):.3f} ± {(max(s)-min(s))/2:.3f}'
    for arch,weights,size,budget in dict.fromkeys((r['arch'],r['weights'],r['size'],r['budget']) for r in rows):
        rs = [r for r in rows if (r['arch'],r['weights'],r['size'],r['budget'])==(arch,weights,size,budget)]
        sets = list(dict.fromkeys(r['data'] for r in rs))
        print(f"\n{arch}, {'weights '+weights if weights else 'random weights'}, {size} px, budget {budget}: mean ± half the range over seeds\n")
        print('| network | lr | steps | CPU s a step | '+' | '.join(sets)+' | mean | seeds |\n'+'|---'*(6+len(sets))+'|')
        table = []
        for net,lr in dict.fromkeys((r['net'],r['lr']) for r in rs):
            of = {d: [r['score'] for r in rs if (r['net'],r['lr'],r['data'])==(net,lr,d)] for d in sets}
            steps = next(r['steps'] for r in rs if (r['net'],r['lr'])==(net,lr))
            means = [statistics.mean(v) for v in of.values() if v]
            mean = statistics.mean(means) if len(means)==len(sets) else float('nan')
            table.append((-mean if mean==mean else 0, f"| {net} | {lr:g} | {steps} | {pace.get(pace_name(net), [0])[0]:.3f} | "+' | '.join(cell(v) if v else '' for v in of.values())
                          +f" | {mean:.3f} | {'/'.join(str(len(v)) for v in of.values())} |"))
        for _,line in sorted(table): print(line)

FREE = 'tenth','third','fine','half','imagenet','own','light','smooth','relu','ema' # changes that cost nothing
def pace_name(name):
    "The name under which the pace of `name` is kept, without changes that cost nothing."
    net,changes = parts(name)
    return ' '.join([A.arch, str(A.size), '+'.join([net, *(c for c in changes if c not in FREE and not c.startswith('lr'))])])

def main():
    keep_memory()
    def lines(): return [json.loads(l) for l in A.out.read_text().splitlines()] if A.out.exists() else []
    def keep(row):
        with A.out.open('a') as f: f.write(json.dumps(row)+'\n')
        print({k: round(v, 4) if isinstance(v, float) else v for k,v in row.items() if k!='iou'}, flush=True)
    weights = A.weights.stem if A.weights else ''
    names = [] if A.report else A.nets.split(',')
    for seed,budget,data,name in itertools.product(map(int, A.seeds.split(',')), A.budgets.split(','), A.data.split(','), names):
        known = lines()
        pace,done = {l['pace_of']: (l['pace'],l['bf16']) for l in known if 'pace_of' in l},{tuple(r[k] for k in KEY) for r in known if 'data' in r}
        codes,tr,va = load(data)
        changes = parts(name)[1]
        pid = pace_name(name)
        lr = next((float(c[2:]) for c in changes if c.startswith('lr')), A.lr)
        row = dict(data=data, arch=A.arch, weights=weights, size=A.size, net=name, seed=seed, budget=budget, lr=lr)
        if tuple(row[k] for k in KEY) in done: continue
        if pid not in pace:
            new = {pace_name(n): n for n in names if pace_name(n) not in pace}
            found = paces(list(new.values()), tr, codes)
            for k,n in new.items(): pace[k] = found[n]; keep(dict(pace_of=k, pace=found[n][0], bf16=found[n][1]))
        s,bf16 = pace[pid]
        net,crops = made(name, tr, codes, seed),Crops(tr, seed, changes)
        steps = round(float(budget[:-1])*60/s) if budget.endswith('m') else int(budget)
        if 'bs2' in changes: steps *= 2
        if 'bs8' in changes: steps //= 2
        step,t = stepper(net, crops, changes, lr, steps, bf16),time.process_time()
        for _ in range(steps): step()
        row.update(steps=steps, cpu=time.process_time()-t, params=sum(p.numel() for p in net.parameters()), **score(net, va, crops, codes, changes))
        keep(row)
    known = lines()
    report([l for l in known if 'data' in l], {l['pace_of']: (l['pace'],l['bf16']) for l in known if 'pace_of' in l})

if __name__=='__main__': main()
